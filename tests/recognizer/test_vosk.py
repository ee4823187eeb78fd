import asyncio
import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import vosk

from recognizer.audio import amplify, pcm_to_ulaw, ulaw_to_pcm
from recognizer.base import FRAME_BYTES, Grammar, Hypothesis, Recognizer, UnheardLanguage, UnheardPhrase
from recognizer.building import build_model
from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW
from recognizer.listener import PooledListener
from recognizer.vosk import SHIPPED, VoskRecognizer

Clip = Callable[[str], bytes]

SCORE = Grammar("zh-CN", "closed", tuple(digit + unit for digit in "一二三四五六七八九十" for unit in ("", "分")))
CONTENT = Grammar("zh-CN", "closed", ("满意", "很满意", "非常满意", "一般", "不满意", "很不满意"))
YES_NO = Grammar("zh-CN", "closed", ("是", "是的", "对", "不是", "不", "没有", "解决了"))
DIGITS = Grammar("zh-CN", "sequence", tuple("零一二三四五六七八九幺"))
COMMANDS = Grammar("zh-CN", "free", ("转人工", "再说一遍", "等一下"))


def feed(listener: PooledListener, pcm: bytes) -> None:
    for place in range(0, len(pcm), FRAME_BYTES):
        listener.feed(pcm[place : place + FRAME_BYTES])


async def hear(recognizer: VoskRecognizer, grammar: Grammar, pcm: bytes) -> tuple[Hypothesis, ...]:
    listener = recognizer.listen(grammar)
    feed(listener, pcm)
    heard = tuple(await listener.hypotheses())
    listener.close()
    return heard


def texts(heard: tuple[Hypothesis, ...]) -> list[str]:
    return [hypothesis.text for hypothesis in heard]


@pytest.mark.parametrize(
    ("grammar", "name", "answer"),
    [
        (CONTENT, "manyi", "满意"),
        (SCORE, "bafen", "八分"),
        (SCORE, "en_bafen_ba", "八分"),
        (YES_NO, "bushi", "不是"),
    ],
)
async def test_an_answer_is_recognised_with_confidence(
    recognizer: VoskRecognizer, clip: Clip, grammar: Grammar, name: str, answer: str
) -> None:
    heard = await hear(recognizer, grammar, clip(name))
    assert heard[0].text == answer
    assert heard[0].confidence >= CONFIRM_BELOW


async def test_an_answer_among_other_words_is_heard(recognizer: VoskRecognizer, clip: Clip) -> None:
    heard = await hear(recognizer, CONTENT, clip("wo_juede_manyi"))
    assert heard[0].text == "满意"
    assert heard[0].confidence >= REJECT_BELOW


async def test_a_digit_sequence_is_recognised(recognizer: VoskRecognizer, clip: Clip) -> None:
    heard = await hear(recognizer, DIGITS, clip("yao_san_ba_wu"))
    assert heard[0].text == "幺三八五"
    assert heard[0].confidence >= REJECT_BELOW


async def test_words_have_their_times_in_the_audio(recognizer: VoskRecognizer, clip: Clip) -> None:
    (best, *_) = await hear(recognizer, DIGITS, clip("yao_san_ba_wu"))
    assert [word.text for word in best.words] == ["幺", "三", "八", "五"]
    places = [place for word in best.words for place in (word.start_ms, word.end_ms)]
    assert places == sorted(places)
    assert 150 <= places[0] <= 350
    assert 1300 <= places[-1] <= 1750


async def test_a_filler_alone_is_no_answer_unless_the_grammar_has_it(recognizer: VoskRecognizer, clip: Clip) -> None:
    assert await hear(recognizer, CONTENT, clip("en")) == ()
    answers = Grammar("zh-CN", "closed", ("嗯", "是的", "不是"))
    assert texts(await hear(recognizer, answers, clip("en")))[0] == "嗯"


def noise(level: float) -> bytes:
    return (np.random.default_rng(0).normal(size=12000) * level).astype("<i2").tobytes()


def tone(*hertz: float) -> bytes:
    phase = 2 * math.pi * np.arange(12000) / 8000
    return np.sum([np.sin(phase * pitch) * 4000 for pitch in hertz], axis=0).astype("<i2").tobytes()


@pytest.mark.parametrize("grammar", [SCORE, CONTENT, YES_NO, DIGITS], ids=["score", "content", "yes_no", "digits"])
@pytest.mark.parametrize(
    "pcm",
    [b"", bytes(32000), noise(30), noise(3000), tone(450), tone(770, 1336), tone(300, 600, 900, 1200)],
    ids=["nothing", "silence", "hiss", "noise", "dial tone", "key tone", "chord"],
)
async def test_a_sound_that_is_no_speech_is_no_answer(recognizer: VoskRecognizer, grammar: Grammar, pcm: bytes) -> None:
    assert max((hypothesis.confidence for hypothesis in await hear(recognizer, grammar, pcm)), default=0) < REJECT_BELOW


@pytest.mark.parametrize("grammar", [SCORE, CONTENT, YES_NO], ids=["score", "content", "yes_no"])
async def test_other_speech_is_no_answer(recognizer: VoskRecognizer, clip: Clip, grammar: Grammar) -> None:
    heard = await hear(recognizer, grammar, clip("kuaidi_fang_menkou"))
    assert max((hypothesis.confidence for hypothesis in heard), default=0) < REJECT_BELOW


async def test_free_speech_is_searched_for_cue_words_only(recognizer: VoskRecognizer, clip: Clip) -> None:
    assert await hear(recognizer, COMMANDS, clip("kuaidi_fang_menkou")) == ()


async def test_a_cue_word_is_found_among_other_speech(recognizer: VoskRecognizer, clip: Clip) -> None:
    before = clip("kuaidi_fang_menkou")
    cues = Grammar("zh-CN", "free", ("满意", "转人工", "不是"))
    (best,) = await hear(recognizer, cues, before + clip("manyi") + before)
    assert best.text == "满意"
    assert best.confidence >= CONFIRM_BELOW
    assert len(before) // 16 <= best.words[0].start_ms <= len(before) // 16 + 600


@pytest.mark.parametrize("gain_db", [-20, -10, 10, 20])
async def test_loudness_does_not_matter(recognizer: VoskRecognizer, clip: Clip, gain_db: float) -> None:
    heard = await hear(recognizer, SCORE, amplify(clip("bafen"), gain_db))
    assert heard[0].text == "八分"
    assert heard[0].confidence >= CONFIRM_BELOW


async def test_the_telephone_line_does_not_matter(recognizer: VoskRecognizer, clip: Clip) -> None:
    assert texts(await hear(recognizer, SCORE, ulaw_to_pcm(pcm_to_ulaw(clip("bafen")))))[0] == "八分"


async def test_repeated_queries_give_the_same_hypotheses(recognizer: VoskRecognizer, clip: Clip) -> None:
    listener = recognizer.listen(SCORE)
    feed(listener, clip("bafen"))
    first = await listener.hypotheses()
    assert first
    assert await listener.hypotheses() == first


async def test_later_hypotheses_cover_all_audio_since_the_start(recognizer: VoskRecognizer, clip: Clip) -> None:
    pcm = clip("yao_san_ba_wu")
    listener = recognizer.listen(DIGITS)
    heard = []
    for part in (pcm[:FRAME_BYTES], pcm[FRAME_BYTES : len(pcm) // 2 // 2 * 2], pcm[len(pcm) // 2 // 2 * 2 :]):
        feed(listener, part)
        heard.append(texts(tuple(await listener.hypotheses())))
    assert heard[0] == []
    assert heard[1]
    assert heard[1] != heard[2]
    assert heard[2][0] == "幺三八五"


async def test_twenty_listeners_at_once_do_not_mix(recognizer: VoskRecognizer, clip: Clip) -> None:
    questions = [(SCORE, "bafen"), (CONTENT, "manyi"), (YES_NO, "bushi"), (DIGITS, "yao_san_ba_wu")]
    readings = [hear(recognizer, grammar, clip(name)) for grammar, name in questions * 5]
    answers = [texts(heard)[0] for heard in await asyncio.gather(*readings)]
    assert answers == ["八分", "满意", "不是", "幺三八五"] * 5


async def test_a_closed_listener_accepts_no_audio(recognizer: VoskRecognizer, clip: Clip) -> None:
    listener = recognizer.listen(SCORE)
    feed(listener, clip("bafen"))
    listener.close()
    listener.close()
    assert await listener.hypotheses() == ()
    with pytest.raises(ValueError, match="closed"):
        listener.feed(bytes(FRAME_BYTES))


def test_unrecognisable_phrases_are_named_with_a_reason(recognizer: VoskRecognizer) -> None:
    port: Recognizer = recognizer
    assert port.languages == {"zh-CN"}
    assert port.unheard("zh-CN", ["满意", "8分"]) == {"8分": '"8" has no pinyin; say "八分"'}
    assert port.unheard("en-US", ["yes"]) == {"yes": "no model for en-US"}


def test_only_learnt_phrases_may_be_in_a_grammar(recognizer: VoskRecognizer) -> None:
    with pytest.raises(UnheardPhrase, match="西瓜"):
        recognizer.listen(Grammar("zh-CN", "closed", ("西瓜",)))
    with pytest.raises(UnheardLanguage, match="en-US"):
        recognizer.listen(Grammar("en-US", "closed", ("yes",)))


async def test_learning_more_phrases_does_not_affect_open_listeners(tmp_path: Path, clip: Clip) -> None:
    recognizer = VoskRecognizer(tmp_path)
    recognizer.learn("zh-CN", CONTENT.phrases)
    listener = recognizer.listen(CONTENT)
    feed(listener, clip("manyi")[:8000])
    recognizer.learn("zh-CN", SCORE.phrases)
    feed(listener, clip("manyi")[8000:])
    assert texts(tuple(await listener.hypotheses()))[0] == "满意"
    assert texts(await hear(recognizer, SCORE, clip("bafen")))[0] == "八分"
    recognizer.close()


async def test_closing_the_recogniser_closes_its_listeners(tmp_path: Path, clip: Clip) -> None:
    recognizer = VoskRecognizer(tmp_path)
    recognizer.learn("zh-CN", SCORE.phrases)
    listener = recognizer.listen(SCORE)
    feed(listener, clip("bafen"))
    recognizer.close()
    assert await listener.hypotheses() == ()


async def test_an_official_model_recognises_sequences_of_its_words(tmp_path: Path, clip: Clip) -> None:
    """A folder in the layout of official models: it has words and no phones.txt."""
    folder = build_model("zh-CN", SHIPPED["zh-CN"], ["不", "满意", "嗯", "我觉得"], tmp_path, lattice_beam=4)
    recognizer = VoskRecognizer(tmp_path, {"zh-CN": folder})
    assert recognizer.unheard("zh-CN", ["不满意", "很满意"]) == {"很满意": 'the model has no word "很"'}
    grammar = Grammar("zh-CN", "closed", ("满意", "不满意"))
    assert texts(await hear(recognizer, grammar, clip("wo_juede_manyi")))[0] == "满意"
    (speech,) = await hear(recognizer, Grammar("zh-CN", "free", ()), clip("wo_juede_manyi"))
    assert speech.text == "我觉得满意"
    with pytest.raises(UnheardPhrase, match="很"):
        recognizer.listen(Grammar("zh-CN", "closed", ("很满意",)))
    recognizer.close()


def static_model(cache: Path, words: Sequence[str]) -> Path:
    """A folder in the layout of large official models: the composed graph cannot take a grammar."""
    built = build_model("zh-CN", SHIPPED["zh-CN"], words, cache, lattice_beam=4)
    folder = cache / "static"
    shutil.copytree(built, folder)
    (folder / "graph" / "HCLr.fst").rename(folder / "graph" / "HCLG.fst")
    (folder / "graph" / "Gr.fst").unlink()
    return folder


async def test_a_model_with_a_static_graph_recognises_an_answer_among_all_words(tmp_path: Path, clip: Clip) -> None:
    """In the composed graph, any word may follow any other."""
    words = ["不", "满意", "我觉得", "八", "分", "八分", "快递", "放", "在", "门口", "了"]
    recognizer = VoskRecognizer(tmp_path, {"zh-CN": static_model(tmp_path, words)})
    grammar = Grammar("zh-CN", "closed", ("满意", "不满意"))
    best, *_ = await hear(recognizer, grammar, clip("wo_juede_manyi"))
    assert best.text == "满意"
    assert best.confidence >= REJECT_BELOW
    (speech,) = await hear(recognizer, Grammar("zh-CN", "free", ()), clip("wo_juede_manyi"))
    assert speech.text == "我觉得满意"
    for other in ("kuaidi_fang_menkou", "bafen"):
        assert [one for one in await hear(recognizer, grammar, clip(other)) if one.confidence >= REJECT_BELOW] == []
    recognizer.close()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Vosk model"):
        VoskRecognizer(tmp_path, {"zh-CN": tmp_path})


def test_vosk_finds_exactly_the_words_of_the_graph(tmp_path: Path) -> None:
    model = vosk.Model(str(build_model("zh-CN", SHIPPED["zh-CN"], ["满意", "转人工"], tmp_path, lattice_beam=4)))
    assert model.vosk_model_find_word("转人工") >= 0
    assert model.vosk_model_find_word("不满意") < 0
    assert json.loads(vosk.KaldiRecognizer(model, 8000, '["满意"]').FinalResult()) == {"text": ""}
