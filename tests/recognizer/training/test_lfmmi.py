"""Forward scores, compared with a sum over all paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install ".[training]"')
from recognizer.training.inventory import NUMBER, OUTPUTS, PHONES  # noqa: E402
from recognizer.training.lfmmi import Denominator, Numerator, numerator  # noqa: E402
from recognizer.training.phone_lm import PhoneLM  # noqa: E402
from recognizer.training.transcripts import of_pinyin, of_text  # noqa: E402

SIL = NUMBER["SIL"]
CPU = torch.device("cpu")


def rows(frame_count: int, lm: PhoneLM, phones: list[int], outputs: np.ndarray) -> float:
    """The log probability of exactly these phones, over all alignments."""
    ways = []
    for cuts in itertools.combinations(range(1, frame_count), len(phones) - 1):
        edges = [0, *cuts, frame_count]
        score = np.log(lm.first[phones[0]]) + np.log(0.5 * lm.end[phones[-1]])
        for place, phone in enumerate(phones):
            start, end = edges[place], edges[place + 1]
            score += outputs[start, 2 * phone] + outputs[start + 1 : end, 2 * phone + 1].sum()
            score += (end - start - 1) * np.log(0.5)
            if place:
                score += np.log(0.5 * lm.after[phones[place - 1], phone])
        ways.append(score)
    return float(np.logaddexp.reduce(ways))


def forward(outputs: torch.Tensor, lm: PhoneLM) -> torch.Tensor:
    """The log probability of any phones in these frames; even outputs enter a phone, odd ones stay in it."""
    after, first, end = (torch.from_numpy(part).log() for part in (lm.after, lm.first, lm.end))
    half = float(np.log(0.5))
    entered = first + outputs[0, 0::2]
    stayed = torch.full_like(entered, -torch.inf)
    for frame in outputs[1:]:
        left = torch.logaddexp(entered, stayed) + half
        entered = torch.logsumexp(left[:, None] + after, 0) + frame[0::2]
        stayed = left + frame[1::2]
    return torch.logsumexp(torch.logaddexp(entered, stayed) + half + end, 0)


def test_the_numerator_sums_over_all_alignments(lm: PhoneLM) -> None:
    outputs = torch.randn(1, 6, OUTPUTS, generator=torch.Generator().manual_seed(1))
    (word,) = of_pinyin([["ba1"]])
    pauses = ([*start, *word, *end] for start in ([], [SIL]) for end in ([], [SIL]))
    expected = np.logaddexp.reduce([rows(6, lm, phones, outputs[0].numpy().astype(float)) for phones in pauses])
    made, _ = numerator(outputs, torch.tensor([6]), [Numerator.of((word,), lm)])
    assert float(made) == pytest.approx(expected, abs=1e-3)


def test_an_empty_transcript_is_only_silence(lm: PhoneLM) -> None:
    outputs = torch.randn(1, 4, OUTPUTS, generator=torch.Generator().manual_seed(1))
    made, _ = numerator(outputs, torch.tensor([4]), [Numerator.of((), lm)])
    assert float(made) == pytest.approx(rows(4, lm, [SIL], outputs[0].numpy().astype(float)), abs=1e-3)


def test_the_denominator_sums_over_all_phone_sequences(lm: PhoneLM) -> None:
    outputs = torch.randn(1, 2, OUTPUTS, generator=torch.Generator().manual_seed(1))
    numpy = outputs[0].numpy().astype(float)
    names = range(len(PHONES))
    ways = [[one] for one in names] + [[one, other] for one in names for other in names]
    expected = np.logaddexp.reduce([rows(2, lm, phones, numpy) for phones in ways])
    assert float(Denominator(lm, CPU)(outputs, torch.tensor([2]))[0]) == pytest.approx(expected, abs=1e-3)


def test_the_numerator_never_exceeds_the_denominator(lm: PhoneLM) -> None:
    outputs = torch.randn(2, 12, OUTPUTS, generator=torch.Generator().manual_seed(2)) * 3
    lengths = torch.tensor([12, 9])
    said = [Numerator.of(of_text(text), lm) for text in ("满意", "八分")]
    anything, _ = Denominator(lm, CPU)(outputs, lengths)
    assert (numerator(outputs, lengths, said)[0] <= anything + 1e-3).all()


def test_frames_after_the_end_do_not_count(lm: PhoneLM) -> None:
    outputs = torch.randn(1, 9, OUTPUTS, generator=torch.Generator().manual_seed(2))
    said = [Numerator.of(of_text("八"), lm)]
    length = torch.tensor([6])
    assert numerator(outputs, length, said)[0] == numerator(outputs[:, :6], length, said)[0]
    padded, occupied = Denominator(lm, CPU)(outputs, length)
    cut, occupied_before = Denominator(lm, CPU)(outputs[:, :6], length)
    assert float(padded) == pytest.approx(float(cut), abs=1e-5)
    assert torch.allclose(occupied[:, :6], occupied_before, atol=1e-6)
    assert not occupied[:, 6:].any()


def test_the_output_posteriors_equal_the_gradient_of_torch(lm: PhoneLM) -> None:
    outputs = torch.randn(2, 7, OUTPUTS, generator=torch.Generator().manual_seed(3)) * 2
    lengths = torch.tensor([7, 4])
    given = outputs.double().requires_grad_(True)
    anything = torch.stack([forward(row[:length], lm) for row, length in zip(given, lengths, strict=True)])
    (gradient,) = torch.autograd.grad(anything.sum(), given)
    made, occupied = Denominator(lm, CPU)(outputs, lengths)
    assert torch.allclose(made.double(), anything, atol=1e-3)
    assert torch.allclose(occupied.double(), gradient, atol=1e-5)
    assert torch.allclose(occupied.sum(2), (torch.arange(7) < lengths[:, None]).float(), atol=1e-4)


def test_the_numerator_gives_the_weight_of_each_output(lm: PhoneLM) -> None:
    outputs = torch.randn(2, 9, OUTPUTS, generator=torch.Generator().manual_seed(4)) * 2
    lengths = torch.tensor([9, 6])
    said = [Numerator.of(of_text(text), lm) for text in ("八分", "八")]
    before, occupied = numerator(outputs, lengths, said)
    assert torch.allclose(occupied.sum(2), (torch.arange(9) < lengths[:, None]).float(), atol=1e-5)
    for row, time, output in torch.nonzero(occupied > 0.05).tolist():
        more = outputs.clone()
        more[row, time, output] += 0.01
        gained = (numerator(more, lengths, said)[0] - before)[row] / 0.01
        assert float(gained) == pytest.approx(float(occupied[row, time, output]), abs=0.01)


def test_nearly_impossible_outputs_still_count(lm: PhoneLM) -> None:
    outputs = torch.zeros(1, 40, OUTPUTS)
    eight = Numerator.of(of_text("八"), lm)
    outputs[0, :30, eight.outputs[2:6]] = -20.0
    total, occupied = numerator(outputs, torch.tensor([40]), [eight])
    assert torch.isfinite(total).all()
    assert torch.allclose(occupied.sum(2), torch.ones(1, 40), atol=1e-5)


def test_more_phones_than_frames_cannot_be_said(lm: PhoneLM) -> None:
    outputs = torch.zeros(2, 2, OUTPUTS)
    said = [Numerator.of(of_text(text), lm) for text in ("非常满意", "八")]
    total, occupied = numerator(outputs, torch.tensor([2, 2]), said)
    assert total.isfinite().tolist() == [False, True]
    assert occupied.sum((1, 2)).tolist() == [0.0, pytest.approx(2.0)]
