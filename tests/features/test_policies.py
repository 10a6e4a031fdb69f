"""The policies file: what an error costs, everything with a default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.contract import DIRECTIONS
from features.errors import SettingsError
from features.home_templates import POLICIES_TEMPLATE
from features.policies import Policies, Policy, parse_policies, read_policies

TEXT = """
[default]
over_enforcement = 2.0
graphic_level = 1
[policy.child_safety]
under_enforcement = 8.0
minimum_audits = 20
actions = ["keep", "label", "remove"]
[policy."hate speech"]
reach = 1.0
"""
NO_VIEWS = np.array([np.nan])


def harm_of(policies: Policies, policy: str, views: float = np.nan) -> list[float]:
    row: list[float] = policies.harm(np.array([policy]), np.array([views]))[0].tolist()
    return row


def test_without_a_file_every_policy_is_the_default(tmp_path: Path) -> None:
    policies = read_policies(tmp_path / "none.toml")
    assert policies == Policies()
    assert harm_of(policies, "anything") == [1.0, 1.0, 0.5]


def test_an_empty_file_and_the_template_are_the_defaults() -> None:
    assert parse_policies("", "p") == parse_policies(POLICIES_TEMPLATE, "p") == Policies()


def test_a_policy_has_its_own_values_then_those_of_the_default() -> None:
    policies = parse_policies(TEXT, "p")
    assert policies.get("child_safety") == Policy(
        over_enforcement=2.0,
        under_enforcement=8.0,
        minimum_audits=20,
        graphic_level=1,
        actions=["keep", "label", "remove"],
    )
    assert policies.get("spam") == Policy(over_enforcement=2.0, graphic_level=1)


def test_harm_follows_the_order_of_the_directions() -> None:
    policies = Policies(Policy(over_enforcement=1, under_enforcement=2, wrong_selection=3))
    assert DIRECTIONS == ("over_enforcement", "under_enforcement", "wrong_selection")
    assert harm_of(policies, "p") == [1, 2, 3]


def test_harm_grows_with_the_logarithm_of_the_views_where_reach_says_so() -> None:
    policies = parse_policies(TEXT, "p")
    assert harm_of(policies, "hate speech", 999) == pytest.approx([8.0, 4.0, 2.0])
    assert harm_of(policies, "hate speech", 0) == harm_of(policies, "hate speech")
    assert harm_of(policies, "child_safety", 999) == harm_of(policies, "child_safety")


def test_harm_has_a_row_for_each_decision_in_its_place() -> None:
    policies = parse_policies(TEXT, "p")
    names = np.array(["spam", "child_safety", "spam", "hate speech"])
    harm = policies.harm(names, np.full(4, np.nan))
    assert harm.tolist() == [harm_of(policies, str(name)) for name in names]
    assert policies.harm(np.array([], dtype=str), np.array([])).shape == (0, 3)


def test_minimums_are_those_above_zero() -> None:
    assert parse_policies(TEXT, "p").minimums() == {"child_safety": 20}


def test_a_default_minimum_holds_for_the_policies_that_are_present() -> None:
    policies = parse_policies("[default]\nminimum_audits = 3\n[policy.a]\nminimum_audits = 0", "p")
    assert policies.minimums(["a", "b"]) == {"b": 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default", "p.toml"),
        ("[defaults]", "saw table 'defaults'; expected"),
        ("default = 3", "object"),
        ("default = 3\n[policy.a]", "object"),
        ("policy = 3", "object"),
        ("[policy]\nspam = 3", "object"),
        ("[default]\nharm = 1", "harm"),
        ("[policy.a]\nover_enforcement = -1", "0.0"),
        ("[policy.a]\nover_enforcement = 'much'", "float"),
        ("[policy.a]\nover_enforcement = nan", "0.0"),
        ("[policy.a]\nover_enforcement = inf", "1000000"),
        ("[policy.a]\nminimum_audits = 1.5", "int"),
        ("[policy.a]\ngraphic_level = 4", "3"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_policies(text, "p.toml")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policies.toml"
    file.write_bytes("[policy.é]".encode("latin-1"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_policies(file)


def test_the_page_names_every_value_and_its_examples_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    for name in Policy.__struct_fields__:
        assert f"`{name}`" in page
    examples = [part.split("```")[0] for part in page.split("```toml\n")[1:]]
    assert examples
    for example in examples:
        parse_policies(example, "docs/policies.md")
