"""The mapping file: a team's own words, names and times, without code."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import DECISIONS, check
from features.errors import ContractError, MappingError
from features.mapping import parse_mapping, read_mapping

EXPORT = pd.DataFrame(
    {
        "case_ref": ["c1", "c2"],
        "closed_on": ["01.03.2026 09:30", "01.07.2026 09:30"],
        "what": ["Taken down", "Left up"],
        "reviewer_notes": ["private", "private"],
        "language": ["de", None],
    }
)
MAPPING = """
[decisions]
drop = ["reviewer_notes"]
[decisions.columns]
decision_id = "case_ref"
decided_at = "closed_on"
action = "what"
[decisions.times]
decided_at = { format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
[decisions.values.action]
"Taken down" = "remove"
"Left up" = "keep"
[decisions.constants]
policy = "spam"
"""


def mapped(text: str, frame: pd.DataFrame = EXPORT, table: str = "decisions") -> pd.DataFrame:
    return parse_mapping(text, "own.toml").apply(frame, table)


def times(*values: str, form: str = "%Y-%m-%d %H:%M", zone: str = "UTC") -> pd.DataFrame:
    frame = pd.DataFrame({"decided_at": values})
    text = f'[decisions.times]\ndecided_at = {{ format = "{form}", zone = "{zone}" }}'
    whole = mapped(text, frame).assign(
        decision_id=[str(row) for row in range(len(values))], policy="p", action="a"
    )
    return whole


def test_an_export_becomes_a_table_that_keeps_the_contract() -> None:
    good = check(mapped(MAPPING), DECISIONS).require()
    assert good["decision_id"].tolist() == ["c1", "c2"]
    assert good["action"].tolist() == ["remove", "keep"]
    assert good["policy"].tolist() == ["spam", "spam"]
    assert good["language"].tolist()[0] == "de"
    assert "reviewer_notes" not in good


def test_times_are_read_in_their_zone_summer_time_included() -> None:
    good = check(mapped(MAPPING), DECISIONS).require()
    assert [time.hour for time in good["decided_at"]] == [8, 7]


def test_a_format_with_an_offset_needs_no_zone() -> None:
    frame = times("2026-03-01 09:30 +0200", "2026-03-01 09:30 -0500", form="%Y-%m-%d %H:%M %z")
    good = check(frame, DECISIONS).require()
    assert [time.hour for time in good["decided_at"]] == [7, 14]


def test_a_time_that_does_not_fit_is_reported_even_where_it_looks_like_iso() -> None:
    checked = check(times("03.01.2026", "20260301T000000", form="%d.%m.%Y"), DECISIONS)
    (bad,) = checked.bad_values
    assert (bad.row, bad.column) == (1, "decided_at")
    assert bad.seen.startswith("'20260301T000000 as ")


@pytest.mark.parametrize(
    "value",
    ["2026-03-29 02:30", "2026-10-25 02:30"],
    ids=["left out in spring", "twice in autumn"],
)
def test_an_hour_that_the_clocks_leave_out_or_repeat_is_reported(value: str) -> None:
    checked = check(times("2026-03-01 09:30", value, zone="Europe/Berlin"), DECISIONS)
    assert [bad.row for bad in checked.bad_values] == [1]


def test_a_missing_time_stays_missing() -> None:
    frame = times("2026-03-01 09:30", "")
    assert check(frame, DECISIONS).bad_values[0].seen == "null"


def test_one_column_of_the_export_may_feed_two_of_the_contract() -> None:
    frame = mapped('[decisions.columns]\ndecision_id = "case_ref"\nitem_id = "case_ref"')
    assert frame["decision_id"].tolist() == frame["item_id"].tolist() == ["c1", "c2"]
    assert "case_ref" not in frame


def test_two_columns_may_change_places() -> None:
    frame = pd.DataFrame({"item_id": ["i"], "decision_id": ["d"]})
    text = '[decisions.columns]\nitem_id = "decision_id"\ndecision_id = "item_id"'
    turned = mapped(text, frame)
    assert turned[["item_id", "decision_id"]].iloc[0].tolist() == ["d", "i"]


def test_numbers_are_mapped_as_they_are_written() -> None:
    text = '[decisions.values.action]\n1 = "remove"\n0 = "keep"'
    for codes in ([1, 0], [1.0, 0.0], ["1", "0"], pd.Categorical([1, 0])):
        frame = pd.DataFrame({"action": codes})
        assert mapped(text, frame)["action"].tolist() == ["remove", "keep"]


def test_words_that_are_not_named_stay_as_they_are() -> None:
    text = '[decisions.values.what]\n"Taken down" = "remove"'
    assert mapped(text)["what"].tolist() == ["remove", "Left up"]


def test_constants_may_be_numbers() -> None:
    assert mapped("[decisions.constants]\naction_rank = 2")["action_rank"].tolist() == [2, 2]


def test_a_table_that_is_not_named_comes_through_alone() -> None:
    pd.testing.assert_frame_equal(mapped(MAPPING, EXPORT, "outcomes"), EXPORT)


def test_the_export_is_left_alone() -> None:
    before = EXPORT.copy()
    mapped(MAPPING)
    pd.testing.assert_frame_equal(EXPORT, before)


def test_what_is_not_dropped_and_not_known_is_refused_by_the_contract() -> None:
    with pytest.raises(ContractError, match="reviewer_notes"):
        check(mapped(MAPPING.replace('drop = ["reviewer_notes"]', "")), DECISIONS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[decisions", "own.toml"),
        ("[decision.columns]\na = 'b'", "docs/contract.md"),
        ("[decisions]\ncolumn = {}", "column"),
        ("[decisions.times]\ndecided_at = { form = '%Y' }", "form"),
        ("[decisions.times]\ndecided_at = '%Y'", "times"),
        ("[decisions.constants]\npolicy = ['a']", "constants"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, told: str) -> None:
    with pytest.raises(MappingError, match=told):
        parse_mapping(text, "own.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[decisions.columns]\npolicy = 'rule'", "no column 'rule'; it has 'case_ref'"),
        ("[decisions]\ndrop = ['gone']", "no column 'gone'"),
        ("[decisions.values.policy]\na = 'b'", "'policy' has values or a time to map"),
        (
            "[decisions.times]\nclosed_on = { format = '%d.%m.%Y %H:%M', zone = 'Mars/Base' }",
            "Mars/Base",
        ),
        ("[decisions.times]\nclosed_on = { format = '%Q' }", "%Q"),
    ],
)
def test_a_mapping_that_does_not_fit_the_export_is_refused(text: str, told: str) -> None:
    with pytest.raises(MappingError, match=told):
        mapped(text)


def test_a_mapping_file_is_read_and_its_damage_told(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    with pytest.raises(MappingError, match="no such file"):
        read_mapping(file)
    file.write_text(MAPPING, encoding="utf-8-sig")
    assert read_mapping(file).apply(EXPORT, "decisions")["policy"].tolist() == ["spam"] * 2
    file.write_bytes("[decisions.constants]\npolicy = 'é'".encode("latin-1"))
    with pytest.raises(MappingError, match="cannot be read"):
        read_mapping(file)


def test_the_example_in_the_documents_is_a_mapping() -> None:
    page = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in page.split("```toml\n")[1:]]
    assert examples
    for example in examples:
        parse_mapping(example, "docs/contract.md")
