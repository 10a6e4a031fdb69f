"""Pseudonyms: one a person, none the other way."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.pseudonym import PEOPLE, pseudonym, pseudonymise

KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_person_has_one_pseudonym_and_shares_it_with_nobody(one: str, other: str) -> None:
    assert pseudonym(one, KEY) == pseudonym(one, KEY)
    assert (pseudonym(one, KEY) == pseudonym(other, KEY)) == (one == other)


@given(st.text(min_size=1))
def test_a_pseudonym_of_a_pseudonym_is_itself(name: str) -> None:
    once = pseudonym(name, KEY)
    assert pseudonym(once, KEY) == once


def test_another_key_gives_another_pseudonym() -> None:
    assert pseudonym("jane", KEY) != pseudonym("jane", OTHER_KEY)


def test_names_that_begin_alike_have_pseudonyms_that_do_not() -> None:
    shared = "jane.doe@example.org"
    ends = {pseudonym(f"{shared}{n}", KEY)[4:8] for n in range(50)}
    assert len(ends) > 45


def test_a_pseudonym_holds_nothing_of_the_name_and_is_always_as_long() -> None:
    lengths = {len(pseudonym("jane" * n, KEY)) for n in (1, 5, 500)}
    assert lengths == {24}
    assert "jane" not in pseudonym("jane", KEY)


def test_moderators_and_auditors_are_hidden_alike_and_all_else_is_kept() -> None:
    frame = pd.DataFrame(
        {"moderator_id": ["jane", "ali"], "auditor_id": ["ali", None], "policy": ["p", "q"]}
    )
    hidden = pseudonymise(frame, KEY)
    assert hidden["moderator_id"].iloc[1] == hidden["auditor_id"].iloc[0] == pseudonym("ali", KEY)
    assert hidden["policy"].tolist() == ["p", "q"]
    assert not {"jane", "ali"} & set(hidden[list(PEOPLE)].to_numpy().ravel().tolist())


def test_null_stays_null() -> None:
    frame = pd.DataFrame({"moderator_id": pd.Series([None, "jane", None], dtype="str")})
    assert pseudonymise(frame, KEY)["moderator_id"].isna().tolist() == [True, False, True]
    nobody = pd.DataFrame({"moderator_id": pd.Series([None, None], dtype="str")})
    assert pseudonymise(nobody, KEY)["moderator_id"].isna().all()


def test_hiding_twice_changes_nothing_and_the_index_stays() -> None:
    frame = pd.DataFrame({"moderator_id": ["jane", None, "ali"]}, index=[9, 4, 4])
    once = pseudonymise(frame, KEY)
    pd.testing.assert_frame_equal(pseudonymise(once, KEY), once)
    assert once.index.tolist() == [9, 4, 4]
    assert frame["moderator_id"].tolist()[0] == "jane"


def test_without_a_key_nothing_changes() -> None:
    frame = pd.DataFrame({"moderator_id": ["jane"]})
    assert pseudonymise(frame, None) is frame


def test_a_table_without_people_is_as_it_was() -> None:
    frame = pd.DataFrame({"policy": ["p"]})
    pd.testing.assert_frame_equal(pseudonymise(frame, KEY), frame)
