from __future__ import annotations

from collections.abc import Callable

import pytest

from recognizer.evaluation.hearing import HeardTrial
from recognizer.evaluation.measuring import Cost
from recognizer.evaluation.tables import Measured, Table

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install ".[training]"')
from recognizer.evaluation.report import Section, page

Hear = Callable[..., HeardTrial]


def test_the_page_shows_goals_charts_tables_and_additions(hearing: Hear) -> None:
    heard = [
        *(hearing(condition=condition) for condition in ("clean", "µ-law", "5 % loss") for _ in range(3)),
        hearing("九", how="synthetic", speaker="f3"),
        hearing(said="", how="noise", sure=0.9),
    ]
    one = Measured("small", "zh-CN", heard, Cost(0.05, 12.0, 5.3))
    section = Section("Simulated callers", "Some <callers>", Table("Callers", ("what", "measured"), [("done", "97 %")]))
    text = page([one], [section], "today")
    real, synthetic = text.index("<h3>Real recordings"), text.index("<h3>Synthetic voices")
    assert real < synthetic
    assert text.count("<svg") == 8
    assert "Some &lt;callers&gt;" in text
    assert "<script" not in text
    assert "<link" not in text
    assert "src=" not in text
    assert page([one], [section], "today") == text
