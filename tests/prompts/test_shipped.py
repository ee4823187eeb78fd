"""The shipped audio: complete, at equal levels, and with caller clips that the shipped model recognises."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ivr.actions import Prompt
from ivr.prompts.audio import level_dbov, peak_dbov
from ivr.prompts.catalog import load
from ivr.prompts.check import check
from ivr.prompts.library import PromptLibrary
from ivr.prompts.recording import read_sound
from recognizer.base import Grammar
from recognizer.vosk import VoskRecognizer

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "prompts"
CALLER = PROMPTS / "caller"
ANSWERS = (
    ("方便", "不方便", "没空"),
    ("解决了", "还没有", "没解决"),
    ("满意", "一般", "不满意"),
    ("收了", "没有", "没收"),
    tuple(f"{number}分" for number in "一两三四五六七八九十"),
    ("对", "是的", "不是", "不对"),
    ("再说一遍", "转人工", "等一下"),
    ("报修", "投诉", "查询进度"),
    ("都没有", "诈骗", "违纪"),
    ("银行卡", "网上银行", "储蓄", "理财", "贷款", "其他"),
    ("沈阳", "大连", "鞍山", "都不是"),
    ("需要", "不需要"),
)
SURVEY = ("convenient", "resolved", "attitude", "charged", "score", "comments", "book")


@pytest.mark.parametrize("folder", [PROMPTS, CALLER], ids=["prompts", "caller"])
def test_the_check_finds_no_faults(folder: Path) -> None:
    assert check(folder) == []


@pytest.mark.parametrize("folder", [PROMPTS / "audio", CALLER / "zh-CN"], ids=["prompts", "caller"])
def test_levels_agree_within_1_db_and_no_peak_exceeds_minus_3(folder: Path) -> None:
    sounds = [read_sound(file.read_bytes()).samples for file in folder.rglob("*.wav")]
    levels = [level_dbov(samples) for samples in sounds]
    assert max(levels) - min(levels) < 1
    assert max(map(peak_dbov, sounds)) < -3


def test_the_audio_is_small() -> None:
    assert sum(file.stat().st_size for file in PROMPTS.rglob("*.wav")) < 20 * 2**20


@pytest.mark.parametrize("question", SURVEY)
@pytest.mark.parametrize("again", ["retry1", "retry2", "silent1", "silent2", "keys"])
def test_every_question_has_a_repeat_prompt_that_offers_keys(question: str, again: str) -> None:
    catalog = load(PROMPTS)
    assert [catalog.absent(f"{question}.{again}", language) for language in catalog.languages] == [None, None]


def test_the_survey_keeps_the_wording_of_the_regulation(now: datetime) -> None:
    library = PromptLibrary.open(PROMPTS, lambda: now)

    def words(name: str, **values: str) -> str:
        return library.text(Prompt(name, values), "zh-CN")

    assert words("survey.opening") == "您好，我们是供暖报修平台，对您家报修的处理情况进行回访。您现在方便吗？"
    assert words("survey.resolved") == "问题解决了吗？"
    assert words("survey.attitude").startswith("维修工态度如何？")
    assert words("survey.charged") == "跟您收费了吗？"
    assert words("survey.score").startswith("请您为我们的服务打分")
    assert words("survey.comments") == "您对我们的服务还有什么建议或意见吗？"
    assert words("survey.payment") == "我们的收费工作已经开始，请您方便的时候交纳供暖费。"
    assert words("survey.closing", hotline="6789100") == (
        "感谢您的合作，以后有什么问题，请您随时拨打六七八，九幺零零，我们将及时为您服务。"
    )


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_every_prompt_can_be_played(language: str, now: datetime) -> None:
    library = PromptLibrary.open(PROMPTS, lambda: now)
    values = {"value": 8, "hotline": "6789100", "when": "2026-01-05T14:35+08:00", "said": "1200-3400"}
    values |= {"case_number": "20260105-0001", "case_opened_on": "2026-01-05", "ahead": "3", "caller": "13800138000"}
    for name in library.catalog.prompts:
        prompt = Prompt(name, values)
        seconds = len(library.pcm(prompt, language)) / 16000
        assert 0.3 < seconds < 25, name
        assert re.search(r"\w", library.text(prompt, language))
        assert "{" not in library.text(prompt, language)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoskRecognizer]:
    recognizer = VoskRecognizer(tmp_path_factory.mktemp("graphs"), threads=1)
    recognizer.learn("zh-CN", sorted({phrase for phrases in ANSWERS for phrase in phrases}))
    yield recognizer
    recognizer.close()


@pytest.mark.parametrize("answers", ANSWERS, ids="/".join)
async def test_the_shipped_model_recognises_the_caller_clips(
    recognizer: VoskRecognizer, answers: tuple[str, ...]
) -> None:
    wavs = {phrase: CALLER / "zh-CN" / f"{phrase}.wav" for phrase in answers}
    heard = {phrase: await listen(recognizer, answers, wav) for phrase, wav in wavs.items() if wav.exists()}
    assert heard
    assert heard == {phrase: phrase for phrase in heard}


async def listen(recognizer: VoskRecognizer, answers: tuple[str, ...], wav: Path) -> str:
    listener = recognizer.listen(Grammar("zh-CN", "closed", answers))
    with wave.open(str(wav)) as file:
        listener.feed(bytes(3200) + file.readframes(file.getnframes()) + bytes(3200))
    hypotheses = await listener.hypotheses()
    listener.close()
    return hypotheses[0].text if hypotheses and hypotheses[0].confidence > 0.5 else ""
