from __future__ import annotations

from monitoring.interval_chart import interval_chart, interval_height

VALUES = [
    {"name": "b", "figure": 0.2, "low": 0.1, "high": 0.3, "clear": True},
    {"name": "a", "figure": 0.1, "low": 0.0, "high": 0.2, "clear": False},
]


def test_rows_keep_their_order() -> None:
    spec = interval_chart(VALUES, reference=0.1, title="Rate", tooltip={"name": "Group"})
    assert spec["layer"][2]["encoding"]["y"]["sort"] == ["b", "a"]


def test_rows_without_emphasis_have_another_colour() -> None:
    spec = interval_chart(
        VALUES, reference=0.1, title="Rate", tooltip={"name": "Group"}, faint="!datum.clear"
    )
    colour = spec["layer"][1]["encoding"]["color"]
    assert colour["condition"] == {"test": "!datum.clear", "value": "var(--soft)"}
    assert colour["value"] == "var(--accent)"


def test_more_rows_are_higher() -> None:
    assert interval_height(3) > interval_height(2) > 0
