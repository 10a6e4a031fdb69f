"""Assignment: nobody is given what they must not have, and what waits is told why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks.assignment_shifts import (
    make_people,
    make_work,
    plain_work,
    texts,
    with_column,
)
from features.errors import ContractError
from models.assignment.assign import assign, weights_of
from models.assignment.unplaced import Constraint
from models.assignment.violations import violations
from models.assignment.work import Auditor, Rules


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 120),
    people=st.integers(0, 12),
    minutes=st.sampled_from([0.0, 15.0, 60.0, 240.0]),
    rules=st.builds(
        Rules,
        graphic_from=st.integers(1, 3),
        apart_from_team=st.booleans(),
        apart_from_site=st.booleans(),
        most_in_a_row=st.integers(1, 5),
        graphic_minutes_an_hour=st.sampled_from([5.0, 15.0, 30.0]),
        break_minutes=st.sampled_from([2.0, 5.0, 10.0]),
    ),
)
def test_no_rule_is_ever_broken_and_what_waits_is_explained(
    seed: int, rows: int, people: int, minutes: float, rules: Rules
) -> None:
    rng = np.random.default_rng(seed)
    work, auditors = make_work(rows, rng), make_people(people, minutes, rng)
    found = assign(work, auditors, rules)
    assert violations(found, work, auditors, rules) == []
    assert found.weight <= found.bound * (1 + 1e-9) + 1e-9
    assert all(each.freed_by for each in found.unplaced)
    placed = np.flatnonzero(found.person >= 0)
    assert sorted([*placed, *(each.row for each in found.unplaced)]) == list(range(rows))


@pytest.mark.parametrize(("minutes", "least"), [(160.0, 0.98), (260.0, 0.98), (400.0, 0.98)])
def test_two_thousand_audits_come_near_the_bound(minutes: float, least: float) -> None:
    rng = np.random.default_rng(7)
    work, auditors = make_work(2_000, rng), make_people(50, minutes, rng)
    found = assign(work, auditors, Rules())
    assert found.solved
    assert found.share_of_bound >= least


def test_the_bound_is_never_below_the_best_whole_assignment() -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        work, auditors = make_work(9, rng), make_people(3, 15.0, rng)
        rules = Rules(most_in_a_row=99, graphic_minutes_an_hour=999.0)
        best = _best(work.value, work.minutes, np.array([a.minutes for a in auditors]))
        bare = with_column(plain_work(work.value.tolist()), minutes=work.minutes)
        people = [Auditor(a.auditor_id, a.minutes) for a in auditors]
        found = assign(bare, people, rules)
        assert found.weight <= best + 1e-9 <= found.bound + 1e-6


def _best(value: np.ndarray, minutes: np.ndarray, room: np.ndarray) -> float:
    """Return the most that whole audits can be worth, by an integer programme."""
    rows, people = len(value), len(room)
    once = np.kron(np.eye(rows), np.ones(people))
    time = np.kron(minutes, np.eye(people))
    found = milp(
        -np.repeat(value, people),
        integrality=np.ones(rows * people, dtype=np.int64),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
        constraints=[LinearConstraint(once, ub=1), LinearConstraint(time, ub=room)],
    )
    assert found.fun is not None
    return -float(found.fun)


def test_what_is_due_goes_before_what_is_worth_more() -> None:
    work = plain_work([9.0, 0.1], minutes=10)
    work = with_column(work, due_hours=np.array([np.inf, 5.0]))
    found = assign(work, [Auditor("a", 10.0)], Rules())
    assert found.person.tolist() == [-1, 0]


def test_the_longer_overdue_goes_first() -> None:
    weight = weights_of(with_column(plain_work([0.5, 0.5]), due_hours=np.array([-72.0, -2.0])))
    assert weight[0] > weight[1]


def test_an_audit_that_ends_after_it_is_due_is_late() -> None:
    work = plain_work([1.0, 1.0], minutes=30, due=0.5)
    found = assign(work, [Auditor("a", 60.0)], Rules())
    assert len(found.late) == 1


def test_without_a_solved_relaxation_audits_are_still_dealt_out() -> None:
    rng = np.random.default_rng(3)
    work, auditors = make_work(300, rng), make_people(10, 120.0, rng)
    found = assign(work, auditors, Rules(), time_limit_s=0.0)
    assert violations(found, work, auditors, Rules()) == []
    assert (found.person >= 0).any()


def test_the_same_work_is_assigned_the_same_way() -> None:
    work, auditors = (
        make_work(200, np.random.default_rng(5)),
        make_people(8, 90.0, np.random.default_rng(6)),
    )
    one, other = (assign(work, auditors, Rules()) for _ in range(2))
    assert one.person.tolist() == other.person.tolist()
    assert np.array_equal(one.starts, other.starts, equal_nan=True)


def test_graphic_minutes_are_spread_evenly_where_nothing_else_decides() -> None:
    work = plain_work([1.0] * 40, level=3)
    mixed = with_column(work, graphic_level=np.array([3, 0] * 20))
    people = [Auditor(name, 60.0) for name in "abcd"]
    found = assign(mixed, people, Rules())
    graphic = np.bincount(found.person[::2], minlength=4)
    assert graphic.max() - graphic.min() <= 1


def test_whoever_saw_much_of_late_is_spared_where_others_can_do_it() -> None:
    work = with_column(plain_work([1.0] * 12), graphic_level=np.array([3] * 6 + [0] * 6))
    people = [
        Auditor("tired", 60.0, recent_graphic_minutes=200.0),
        Auditor("rested", 60.0),
    ]
    found = assign(work, people, Rules(graphic_minutes_an_hour=60.0))
    graphic = np.bincount(found.person[:6], minlength=2)
    assert (found.person >= 0).all()
    assert graphic[0] < graphic[1]


@pytest.mark.parametrize(
    ("columns", "auditor", "expected"),
    [
        ({"language": texts("de")}, Auditor("a", 60, frozenset({"en"})), Constraint.LANGUAGE),
        (
            {"policy": texts("hate")},
            Auditor("a", 60, policies=frozenset({"spam"})),
            Constraint.POLICY,
        ),
        (
            {"policy": texts("hate")},
            Auditor("a", 60, opted_out=frozenset({"hate"})),
            Constraint.OPT_OUT,
        ),
        ({"graphic_level": np.array([3])}, Auditor("a", 60, most_graphic=2), Constraint.OPT_OUT),
        ({"moderator": texts("a")}, Auditor("a", 60), Constraint.OWN_DECISION),
        ({"judged_by": texts(frozenset("ab"))}, Auditor("a", 60), Constraint.OWN_DECISION),
        ({"judged_by": texts(frozenset("ba"))}, Auditor("b", 60), Constraint.OWN_DECISION),
        ({"team": texts("t")}, Auditor("a", 60, team="t"), Constraint.OWN_DECISION),
        ({}, Auditor("a", 1), Constraint.HOURS),
        (
            {"graphic_level": np.array([3]), "minutes": np.array([40.0])},
            Auditor("a", 60),
            Constraint.HOUR,
        ),
        (
            {"graphic_level": np.array([3])},
            Auditor("a", 60, graphic_minutes=2.0),
            Constraint.GRAPHIC_MINUTES,
        ),
        (
            {"graphic_level": np.array([3])},
            Auditor("a", 60, graphic_items=0),
            Constraint.GRAPHIC_ITEMS,
        ),
    ],
)
def test_what_stopped_an_audit_is_named(
    columns: dict[str, object], auditor: Auditor, expected: Constraint
) -> None:
    work = with_column(plain_work([1.0]), **columns)
    (waiting,) = assign(work, [auditor], Rules()).unplaced
    assert waiting.constraint is expected


def test_one_s_own_team_is_allowed_where_the_rules_say_so() -> None:
    work = with_column(plain_work([1.0]), team=texts("t"))
    found = assign(work, [Auditor("a", 60, team="t")], Rules(apart_from_team=False))
    assert found.person.tolist() == [0]


def test_without_anybody_on_shift_all_waits() -> None:
    found = assign(plain_work([1.0, 2.0]), [], Rules())
    assert [each.constraint for each in found.unplaced] == [Constraint.NOBODY_ON_SHIFT] * 2


def test_a_person_on_shift_twice_and_an_impossible_number_are_named() -> None:
    work = with_column(plain_work([1.0, 2.0]), minutes=np.array([5.0, 0.0]))
    with pytest.raises(ContractError, match="minutes") as refused:
        assign(work, [Auditor("a", 60.0), Auditor("a", 60.0)], Rules())
    assert "each person once" in str(refused.value)
