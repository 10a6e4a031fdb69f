import numpy as np
import pytest

from features.errors import SettingsError
from models.estimate import AuditedFrame, estimate_overturn_rate
from models.plan import DIALS, fit_plan
from models.planner import achieved, outlook, sample_size, what_if
from models.selection import select_batch
from tests.models.drawing import key_of, make_population

POPULATION = make_population(5_000, seed=7)
RISK = POPULATION.risk


@pytest.mark.parametrize(
    ("rate", "change", "audits"),
    [(0.01, 0.01, 2316), (0.02, 0.01, 3823), (0.05, 0.01, 8155), (0.15, 0.02, 5271)],
)
def test_sample_sizes_are_those_of_the_normal_formula(
    rate: float, change: float, audits: int
) -> None:
    assert abs(sample_size(rate, change) - audits) <= 1


def test_the_dial_costs_its_square_in_audits() -> None:
    assert sample_size(0.05, 0.01, ratio=1.5) == pytest.approx(2.25 * sample_size(0.05, 0.01), 1e-3)


@pytest.mark.parametrize(("rate", "change"), [(0.0, 0.01), (0.05, 0.0), (0.99, 0.02)])
def test_an_impossible_change_is_refused(rate: float, change: float) -> None:
    with pytest.raises(SettingsError, match="between 0 and 1"):
        sample_size(rate, change)


def test_each_step_of_the_dial_finds_more_and_is_wider() -> None:
    table = what_if(RISK, [100])
    assert [row.dial for row in table] == list(DIALS)
    found = [row.overall.harm_found for row in table]
    widths = [row.overall.interval_width for row in table]
    assert found == sorted(found)
    assert widths == sorted(widths)


def test_more_audits_find_more_at_a_falling_yield() -> None:
    table = what_if(RISK, [50, 100, 200, 400], dials={"default": 1.5})
    assert np.all(np.diff([row.overall.errors_found for row in table]) > 0)
    assert np.all(np.diff([row.next_audit_harm for row in table]) < 0)
    assert np.all(np.diff([row.overall.detectable_change for row in table]) < 0)


def test_strata_add_up_to_the_whole() -> None:
    row = what_if(RISK, [100], dials={"default": 1.5})[0]
    assert [each.stratum for each in row.by_stratum] == ["a", "b", "c", "d"]
    assert sum(each.audits for each in row.by_stratum) == pytest.approx(100, rel=1e-3)
    assert sum(each.errors_found for each in row.by_stratum) == pytest.approx(
        row.overall.errors_found
    )


def test_what_is_anticipated_comes_true_on_a_calibrated_frame() -> None:
    plan = fit_plan(RISK, capacity=250, key_id="k")
    expected = outlook(RISK, plan).overall
    found, ratios = [], []
    for number in range(60):
        drawn = select_batch(RISK, plan=plan, key=key_of(number), capacity=250)
        found.append(POPULATION.wrong[drawn.selected].sum())
        frame = AuditedFrame(
            RISK.overturn_probability,
            drawn.inclusion_probability,
            drawn.selected,
            np.where(drawn.selected, POPULATION.wrong, np.nan),
        )
        ratios.append(achieved(estimate_overturn_rate(frame), plan).achieved_ratio)
    assert np.mean(found) == pytest.approx(expected.errors_found, rel=0.2)
    assert np.mean(ratios) == pytest.approx(1.5, rel=0.2)
