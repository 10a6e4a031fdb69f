from __future__ import annotations

import pytest

from features.errors import ContractError
from features.golden_panel import panel_file, read_panel
from features.home import Home

GOOD = "decision_id,verdict,agreed_at\nd1,correct,2026-03-01T09:30:00Z\n"


def test_without_a_file_there_is_no_panel(home: Home) -> None:
    assert read_panel(home) is None


def test_the_panels_verdicts_come_typed(home: Home) -> None:
    panel_file(home).write_text(GOOD)
    panel = read_panel(home)
    assert panel is not None
    assert panel["decision_id"].tolist() == ["d1"]
    assert str(panel["agreed_at"].iloc[0]) == "2026-03-01 09:30:00+00:00"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "d2,fine,2026-03-01\n", "row 1, column 'verdict'"),
        (GOOD + "d2,correct,soon\n", "row 1, column 'agreed_at'"),
        (GOOD + ",correct,2026-03-01\n", "row 1, column 'decision_id'"),
        (GOOD + "d2,correct,\n", "row 1, column 'agreed_at'"),
        ("decision_id,verdict\nd1,correct\n", "column 'agreed_at'"),
        ("decision_id,verdict,agreed_at,by\n", "column 'by'"),
    ],
)
def test_what_cannot_be_used_is_refused_and_named(home: Home, text: str, named: str) -> None:
    panel_file(home).write_text(text)
    with pytest.raises(ContractError, match=named):
        read_panel(home)
