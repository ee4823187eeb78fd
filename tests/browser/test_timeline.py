import numpy as np
import pytest

from ivr.devtools.timeline import CallTimeline, SoundSpan, ms, response_ms, speech, stop_ms


def recording(total_ms, *sounds, level=8000):
    """Silence with a sound from each start_ms to its end_ms."""
    samples = np.zeros(total_ms * 8, np.int16)
    for start, end in sounds:
        samples[start * 8 : end * 8] = level * (-1) ** np.arange((end - start) * 8)
    return samples


SILENCE = recording(3000)


def test_a_second_has_8000_samples():
    assert ms(8000) == 1000


def test_speech_spans_its_first_to_its_last_5_ms():
    assert speech(recording(1000, (200, 300), (400, 650)), SoundSpan(0, 8000)) == SoundSpan(200 * 8, 650 * 8)


def test_speech_is_sought_only_within_the_span():
    assert speech(recording(1000, (100, 200), (400, 500)), SoundSpan(300 * 8, 8000)) == SoundSpan(400 * 8, 500 * 8)


def test_room_noise_is_no_speech():
    noisy = np.random.default_rng(1).integers(-60, 60, 8000).astype(np.int16)
    noisy[400 * 8 : 600 * 8] += recording(200, (0, 200))
    assert speech(noisy, SoundSpan(0, 8000)) == SoundSpan(400 * 8, 600 * 8)
    assert speech(noisy[: 400 * 8], SoundSpan(0, 400 * 8)) is None


def test_a_constant_offset_after_the_voice_is_no_speech():
    voice = recording(1000, (200, 650))
    held = np.concatenate([voice, np.full(2400, 120, np.int16)])
    assert speech(held, SoundSpan(0, held.size)) == SoundSpan(200 * 8, 650 * 8)


def test_silence_and_nothing_hold_no_speech():
    assert speech(SILENCE, SoundSpan(0, 8000)) is None
    assert speech(SILENCE, SoundSpan(5, 5)) is None


def test_the_response_is_timed_from_the_last_speech_sample_to_the_first_of_the_prompt():
    line = CallTimeline(recording(3000, (1000, 1400)), recording(3000, (0, 900), (1700, 2500)))
    assert response_ms(line, SoundSpan(900 * 8, 1600 * 8)) == 300


def test_without_a_prompt_there_is_no_response():
    assert response_ms(CallTimeline(recording(3000, (1000, 1400)), SILENCE), SoundSpan(0, 24000)) is None


def test_without_speech_there_is_no_response():
    assert response_ms(CallTimeline(SILENCE, recording(3000, (1000, 1400))), SoundSpan(0, 24000)) is None


def test_a_prompt_that_never_stopped_is_no_response():
    line = CallTimeline(recording(3000, (1000, 1400)), recording(3000, (0, 2500)))
    assert response_ms(line, SoundSpan(0, 24000)) is None


@pytest.mark.parametrize("pause_end", [1150, 1199])
def test_a_stop_is_the_last_sample_before_lasting_quiet(pause_end):
    heard = recording(3000, (0, 1000), (pause_end, 1300), (2000, 2500))
    assert stop_ms(CallTimeline(SILENCE, heard), onset=900 * 8) == 400


def test_a_prompt_that_goes_on_does_not_stop():
    assert stop_ms(CallTimeline(SILENCE, recording(3000, (0, 3000))), onset=900 * 8) is None


def test_a_quiet_onset_has_nothing_to_stop():
    assert stop_ms(CallTimeline(SILENCE, recording(3000, (2000, 2500))), onset=900 * 8) is None


def test_a_prompt_at_the_end_of_the_recording_has_stopped_only_after_enough_quiet():
    heard = recording(3000, (0, 2900))
    assert stop_ms(CallTimeline(SILENCE, heard), onset=2000 * 8) is None
    assert stop_ms(CallTimeline(SILENCE, heard), onset=2000 * 8, quiet_ms=100) == 900
