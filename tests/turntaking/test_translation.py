"""The event that free speech becomes: a command, or a recording with its cues."""

from __future__ import annotations

from ivr.actions import Record, SpeechInput
from ivr.events import Event, Heard, SpeechHeard, SpeechRecorded
from ivr.turntaking.translation import outcome
from ivr.turntaking.turn_io import FreeSpeechEnded
from recognizer.base import HeardWord, Hypothesis

SPEECH = SpeechInput("zh-CN", "free", ("没有了", "转人工", "银保监", "媒体"), ("银保监", "媒体"))
QUESTION = Record("7", "what", (), SPEECH, None, 5000, 60_000)


def heard(*words: tuple[str, float], duration_ms: int = 2000, question: Record = QUESTION) -> Event:
    read = tuple(HeardWord(text, 0, 0, confidence) for text, confidence in words)
    text = "".join(word.text for word in read)
    reading = (Hypothesis(text, min(word.confidence for word in read), read),) if read else ()
    return outcome(question, FreeSpeechEnded(1000, duration_ms), reading)


def test_a_command_alone_is_a_command() -> None:
    assert heard(("转人工", 0.9)) == SpeechHeard("7", (Heard("转人工", 0.9),), 2000)


def test_a_command_within_long_speech_is_no_command() -> None:
    assert heard(("转人工", 0.9), duration_ms=3001) == SpeechRecorded("7", 1000, 3001)


def test_a_cue_is_no_command_however_short() -> None:
    assert heard(("媒体", 0.9)) == SpeechRecorded("7", 1000, 2000, "", ("媒体",))


def test_an_uncertain_cue_is_ignored() -> None:
    assert heard(("媒体", 0.4)) == SpeechRecorded("7", 1000, 2000)


def test_a_transcript_is_kept_with_its_words() -> None:
    words = (("我", 1.0), ("要", 1.0), ("找", 1.0), ("银", 0.9), ("保", 0.9), ("监", 0.9))
    assert heard(*words) == SpeechRecorded("7", 1000, 2000, "我要找银保监", ("银保监",))


def test_english_cues_match_whole_words() -> None:
    english = Record("7", "what", (), SpeechInput("en-US", "free", ("sue",), ("sue",)), None, 5000, 60_000)
    assert heard(("the", 1.0), ("issue", 1.0), question=english) == SpeechRecorded("7", 1000, 2000, "theissue")
    assert heard(("i", 1.0), ("sue", 1.0), question=english) == SpeechRecorded("7", 1000, 2000, "isue", ("sue",))


def test_without_a_transcript_only_the_recording_is_kept() -> None:
    deaf = Record("7", "what", (), None, None, 5000, 60_000)
    assert heard(question=deaf) == SpeechRecorded("7", 1000, 2000)
