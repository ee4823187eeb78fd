"""Plots of the figures (SVG). Real recordings and synthetic sounds never share a plot. Must not know: HTML."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recognizer.confidence import CONFIRM_BELOW, REJECT_BELOW
from recognizer.evaluation.conditions import CONDITIONS
from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.tables import Measured
from recognizer.evaluation.tally import DIGITS, NO_ANSWERS, Tally, TallyRow, interval

matplotlib.use("svg")
_STYLE: Final = {
    "svg.hashsalt": "huifang",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_BANDS: Final = {
    "accepted, right": ("accept_right", "#1b7f5c"),
    "confirmed, right": ("confirm_right", "#8fcfb3"),
    "asked again": ("again", "#d9dce1"),
    "confirmed, wrong": ("confirm_wrong", "#f2b56b"),
    "accepted, wrong": ("accept_wrong", "#c9372c"),
}
_WIDTH_IN: Final = 9.5
_ROW_IN: Final = 0.36
_MIN_ANSWERS: Final = 3
_DIGITS: Final = {char: str(number) for number, char in enumerate("一二三四五六七八九十", start=1)}
_INK: Final = "#22303c"


def answers(one: Measured, *, synthetic: bool) -> str:
    """Plot the decisions on answers by question."""
    heard = one.part(synthetic=synthetic)
    return _bars([(row.name, [h for h in heard if row.holds(h)]) for row in one.rows()])


def no_answers(one: Measured, *, synthetic: bool) -> str:
    """Plot the decisions on negative trials."""
    heard = one.part(synthetic=synthetic)
    questions = dict.fromkeys(h.question for h in heard if not h.answer)
    return _bars(
        [
            (f"{row.name}: {question}", [h for h in heard if row.holds(h) and h.question == question])
            for row in NO_ANSWERS
            for question in questions
        ]
    )


def conditions(one: Measured, *, synthetic: bool) -> str:
    """Plot the share recognised correctly (accepted or confirmed) by question and condition."""
    heard = one.part(synthetic=synthetic, condition=None)
    rows = [row for row in one.rows() if any(row.holds(h) for h in heard)]
    if not rows:
        return ""
    shares = np.array([[_right(heard, row, name) for name in CONDITIONS] for row in rows])

    def draw(axes: Axes) -> None:
        axes.imshow(shares, cmap="YlGn", vmin=20, vmax=120, aspect="auto")
        axes.set_xticks(range(len(CONDITIONS)), list(CONDITIONS), rotation=30, ha="right")
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.tick_params(length=0)
        for (line, column), share in np.ndenumerate(shares):
            axes.text(column, line, f"{share:.0f}", ha="center", va="center", color=_INK)

    return _drawn(draw, 1.4 + _ROW_IN * len(rows))


def speakers(one: Measured) -> str:
    """Plot the share recognised correctly for each real speaker, with its confidence interval."""
    heard = [h for h in one.part(synthetic=False) if h.answer]
    tallies = {name: Tally.of(h for h in heard if h.speaker == name) for name in {h.speaker for h in heard}}
    kept = sorted(
        ((name, tally) for name, tally in tallies.items() if tally.n >= _MIN_ANSWERS),
        key=lambda pair: pair[1].right / pair[1].n,
    )
    if not kept:
        return ""

    def draw(axes: Axes) -> None:
        for line, (_, tally) in enumerate(kept):
            low, high = interval(tally.right, tally.n)
            axes.plot([100 * low, 100 * high], [line, line], color="#9fb3c8", linewidth=2)
            axes.plot(100 * tally.right / tally.n, line, "o", color="#1b7f5c")
            axes.plot(100 * tally.accept_wrong / tally.n, line, "x", color="#c9372c")
        axes.set_yticks(range(len(kept)), [f"{name} ({tally.n})" for name, tally in kept])
        axes.set_xlim(-2, 102)
        axes.set_xlabel("● right, accepted or confirmed   × accepted wrongly   (per cent of the answers)")
        axes.grid(axis="x", color="#e6eaee")

    return _drawn(draw, 1.0 + 0.26 * len(kept))


def confidences(one: Measured) -> str:
    """Plot the confidence of right answers, wrong answers and negative trials: real recordings, all conditions."""
    heard = one.part(synthetic=False, condition=None)
    groups = {
        "right answers": ([h for h in heard if h.answer and h.right], "#1b7f5c"),
        "wrong answers": ([h for h in heard if h.answer and not h.right], "#c9372c"),
        "no answers": ([h for h in heard if not h.answer], "#7a869a"),
    }

    def draw(axes: Axes) -> None:
        for name, (group, colour) in groups.items():
            if group:
                sure = np.sort([h.readings[0].confidence if h.readings else 0.0 for h in group])
                axes.step(
                    sure, 100 * (1 - np.arange(len(sure)) / len(sure)), label=f"{name} ({len(group)})", color=colour
                )
        for edge, label in ((REJECT_BELOW, "asked again below"), (CONFIRM_BELOW, "confirmed below")):
            axes.axvline(edge, color="#52606d", linestyle=":", linewidth=1)
            axes.text(edge, 103, label, ha="center", fontsize=8, color="#52606d")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 102)
        axes.set_xlabel("confidence")
        axes.set_ylabel("per cent at or above")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.06), ncols=3)

    return _drawn(draw, 4.0)


def digits(one: Measured) -> str:
    """Plot the confusion matrix of score digits of real speakers, all conditions."""
    heard = [h for h in one.part(synthetic=False, condition=None) if DIGITS.holds(h)]
    names = list(dict.fromkeys(h.said for h in heard))
    if not names:
        return ""
    counts = np.zeros((len(names), len(names) + 1))
    for h in heard:
        meant = h.readings[0].meaning if h.band != "again" else ""
        counts[names.index(h.said), names.index(meant) if meant in names else len(names)] += 1

    def draw(axes: Axes) -> None:
        axes.imshow(counts, cmap="Blues", aspect="auto")
        labels = [_DIGITS.get(name, name) for name in names]
        axes.set_xticks(range(len(names) + 1), [*labels, "again, or\nsomething else"])
        axes.set_yticks(range(len(names)), labels)
        axes.tick_params(length=0)
        axes.set_xlabel("recognised (accepted or confirmed)")
        axes.set_ylabel("spoken")
        for (line, column), number in np.ndenumerate(counts):
            if number:
                shade = "white" if number > counts.max() / 2 else _INK
                axes.text(column, line, f"{number:.0f}", ha="center", va="center", color=shade)

    return _drawn(draw, 1.2 + 0.3 * len(names))


def _right(heard: Sequence[HeardTrial], row: TallyRow, condition: str) -> float:
    tally = Tally.of(h for h in heard if row.holds(h) and h.condition == condition)
    return 100 * tally.right / tally.n if tally.n else float("nan")


def _bars(groups: Sequence[tuple[str, Sequence[HeardTrial]]]) -> str:
    """Draw stacked shares, one bar per non-empty group."""
    tallies = [(name, Tally.of(group)) for name, group in groups if group]
    if not tallies:
        return ""

    def draw(axes: Axes) -> None:
        places = np.arange(len(tallies))[::-1]
        left = np.zeros(len(tallies))
        for label, (cell, colour) in _BANDS.items():
            shares = np.array([100 * getattr(tally, cell) / tally.n for _, tally in tallies])
            axes.barh(places, shares, left=left, color=colour, label=label, height=0.72)
            for place, start, share in zip(places, left, shares, strict=True):
                if share >= 4:
                    axes.text(
                        start + share / 2,
                        place,
                        f"{share:.0f}",
                        ha="center",
                        va="center",
                        fontsize=8,
                        color=_on(colour),
                    )
            left += shares
        axes.set_yticks(places, [f"{name} ({tally.n})" for name, tally in tallies])
        axes.set_xlim(0, 100)
        axes.set_xlabel("per cent of the trials")
        axes.legend(ncols=len(_BANDS), frameon=False, loc="lower center", bbox_to_anchor=(0.35, 1.0), fontsize=8)

    return _drawn(draw, 1.3 + _ROW_IN * len(tallies))


def _on(colour: str) -> str:
    """Return a legible text colour for a background colour."""
    return "white" if colour in {"#1b7f5c", "#c9372c"} else _INK


def _drawn(draw: Callable[[Axes], None], height_in: float) -> str:
    with matplotlib.rc_context(_STYLE):
        figure = Figure((_WIDTH_IN, height_in), layout="constrained")
        draw(figure.subplots())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
