from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.errors import ContractError, EstimateError
from models.arrays import total_by
from models.comparison import horvitz_thompson, wald_interval
from models.difference import total_domains
from models.estimate import (
    AuditedFrame,
    Recalibration,
    estimate_by,
    estimate_overturn_rate,
    fit_recalibration,
)
from models.interval import Weights, place_rows, sum_frame
from models.plan import bonus, fit_plan
from models.recalibration import fit_recalibration_by
from models.threshold import inclusion_probability
from tests.models.drawing import Population, make_population

POPULATION = make_population(6_000, seed=3)


def draw(seed: int = 0, share: float = 0.1) -> AuditedFrame:
    rng = np.random.default_rng(seed)
    p = POPULATION.risk.overturn_probability
    pi = np.clip(share * (0.5 + 8 * p), 0.01, 1.0)
    audited = rng.random(len(p)) < pi
    return AuditedFrame(p, pi, audited, np.where(audited, POPULATION.wrong, np.nan))


def test_a_census_is_the_plain_rate_with_no_doubt() -> None:
    whole = replace(
        draw(),
        inclusion_probability=np.ones(6_000),
        audited=np.ones(6_000, dtype=np.bool_),
        overturned=POPULATION.wrong,
    )
    found = estimate_overturn_rate(whole)
    assert found.overturn_rate == pytest.approx(POPULATION.wrong.mean(), abs=1e-12)
    assert found.high - found.low < 1e-6
    assert found.effective_audits == pytest.approx(6_000)


def test_no_model_gives_horvitz_thompson() -> None:
    frame = draw()
    blank = replace(frame, overturn_probability=np.zeros(6_000))
    rows = frame.audited
    rate, _ = horvitz_thompson(frame.overturned[rows], frame.inclusion_probability[rows], 6_000)
    assert estimate_overturn_rate(blank).overturn_rate == pytest.approx(rate, abs=1e-12)


def test_parts_add_up_to_the_whole() -> None:
    frame = draw()
    parts = estimate_by(frame, POPULATION.stratum)
    whole = estimate_overturn_rate(frame)
    added = sum(part.overturn_rate * part.decisions for part in parts) / 6_000
    assert [part.domain for part in parts] == ["a", "b", "c", "d"]
    assert added == pytest.approx(whole.overturn_rate, abs=1e-4)
    assert sum(part.audits for part in parts) == whole.audits


def test_rows_without_a_label_belong_to_no_domain() -> None:
    labels = POPULATION.stratum.copy()
    labels[:1_000] = None
    parts = estimate_by(draw(), labels)
    assert sum(part.decisions for part in parts) == 5_000
    assert [part.domain for part in parts] == ["a", "b", "c", "d"]


def test_small_and_large_frames_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = estimate_by(draw(), POPULATION.stratum)
    monkeypatch.setattr("models.estimate.EXACT_ROWS", 10_000)
    for one, two in zip(quick, estimate_by(draw(), POPULATION.stratum), strict=True):
        assert one.low == pytest.approx(two.low, abs=1e-3)
        assert one.high == pytest.approx(two.high, abs=1e-3)


def test_accuracy_turns_the_bounds_around() -> None:
    found = estimate_overturn_rate(draw())
    assert found.accuracy_low <= found.accuracy <= found.accuracy_high
    assert found.accuracy_low == 1 - found.high


def test_severities_of_one_change_nothing_and_scale_does_not_matter() -> None:
    frame = draw()
    plain = estimate_overturn_rate(frame)
    ones = estimate_overturn_rate(replace(frame, severity=np.ones(6_000)))
    fives = estimate_overturn_rate(replace(frame, severity=np.full(6_000, 5.0)))
    assert ones == plain
    assert fives.low == pytest.approx(plain.low)
    assert fives.high == pytest.approx(plain.high)


def test_no_overturn_found_still_gives_a_useful_upper_bound() -> None:
    frame = draw()
    clean = replace(frame, overturned=np.where(frame.audited, 0.0, np.nan))
    found = estimate_overturn_rate(clean)
    assert found.low == 0.0
    assert 0.001 < found.high < 0.08


def test_too_few_audits_say_about_how_many_more_are_needed() -> None:
    frame = draw(share=0.01)
    smallest = estimate_by(frame, POPULATION.stratum)[-1]
    assert smallest.effective_audits < 10
    assert 0 < smallest.audits_needed <= smallest.decisions - smallest.audits
    assert estimate_overturn_rate(draw()).audits_needed == 0


def test_a_domain_without_audits_is_estimated_but_flagged() -> None:
    frame = draw()
    keep = frame.audited & (POPULATION.stratum != "d")
    without = replace(frame, audited=keep, overturned=np.where(keep, frame.overturned, np.nan))
    found = estimate_by(without, POPULATION.stratum)[-1]
    assert (found.audits, found.effective_audits) == (0, 0.0)
    assert found.audits_needed > 0


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [
        ("overturn_probability", np.nan, 4),
        ("inclusion_probability", 0.0, 5),
        ("inclusion_probability", np.nan, 6),
        ("overturned", 0.5, 7),
    ],
)
def test_an_impossible_value_is_refused_with_its_row(column: str, value: float, row: int) -> None:
    frame = replace(draw(), audited=np.ones(6_000, dtype=np.bool_), overturned=POPULATION.wrong)
    values = getattr(frame, column).copy()
    values[row] = value
    with pytest.raises(ContractError, match=f"row {row}, column '{column}'"):
        estimate_overturn_rate(replace(frame, **{column: values}))


def test_an_empty_frame_and_labels_of_another_length_are_refused() -> None:
    empty = np.zeros(0)
    with pytest.raises(EstimateError, match="at least 1"):
        estimate_overturn_rate(AuditedFrame(empty, empty, empty.astype(bool), empty))
    with pytest.raises(EstimateError, match="3 labels for 6000 decisions"):
        estimate_by(draw(), np.array(["a", "b", "c"]))


COVERAGE_ROWS, COVERAGE_AUDITS, SIMULATIONS, DOMAINS = 6_000, 300, 2_000, 10


def _spoilt(population: Population, how: str) -> np.ndarray:
    p = population.risk.overturn_probability
    if how == "permuted":
        return np.random.default_rng(1).permutation(p)
    odds = np.clip(p, 1e-6, 1 - 1e-6) / (1 - np.clip(p, 1e-6, 1 - 1e-6))
    return odds**1.8 / (odds**1.8 + 0.05**0.8) if how == "overconfident" else p


def _draw_admission(pi: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> AuditedFrame:
    audited = rng.random(len(pi)) < pi
    return AuditedFrame(np.empty(0), pi, audited, (rng.random(len(pi)) < truth).astype(float))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["calibrated", "overconfident", "permuted"])
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_the_interval_keeps_its_promise_where_walds_does_not(how: str, ratio: float) -> None:
    population = make_population(COVERAGE_ROWS, seed=8)
    truth = population.risk.overturn_probability
    p = _spoilt(population, how)
    rng = np.random.default_rng(4)
    domain = rng.choice(DOMAINS, COVERAGE_ROWS, p=np.arange(1, DOMAINS + 1) / 55)
    risk = replace(
        population.risk, overturn_probability=p, expected_harm=p, stratum=domain.astype(str)
    )
    plan = fit_plan(risk, capacity=COVERAGE_AUDITS, ratio=ratio, key_id="k")
    pi = inclusion_probability(p, bonus(plan, p, risk.stratum), plan.threshold)
    earlier = _draw_admission(pi, truth, rng)
    rows = earlier.audited
    f = fit_recalibration(p[rows], earlier.overturned[rows], pi[rows]).apply(p)
    sums = sum_frame(place_rows(domain, f, domains=DOMAINS), Weights.of(pi, np.ones(len(pi))))
    held, held_by_wald = np.zeros(DOMAINS), np.zeros(DOMAINS)
    for _ in range(SIMULATIONS):
        frame = _draw_admission(pi, truth, rng)
        totals = total_domains(frame, domain, f, sums=sums)
        rate = total_by(domain, frame.overturned, DOMAINS) / sums.size
        low, high = totals.bounds(0.95)
        held += (low <= rate) & (rate <= high)
        low, high = wald_interval(totals.figure, totals.observed_variance)
        held_by_wald += (low <= rate) & (rate <= high)
    assert held.min() / SIMULATIONS >= 0.93
    assert held_by_wald.min() / SIMULATIONS < 0.93


def test_recalibration_flattens_a_worthless_model_and_mends_an_overconfident_one() -> None:
    p = POPULATION.risk.overturn_probability
    weight = np.ones(len(p))
    shuffled = np.random.default_rng(0).permutation(p)
    assert abs(fit_recalibration(shuffled, POPULATION.wrong, weight).slope) < 0.15
    spoilt = _spoilt(POPULATION, "overconfident")
    assert fit_recalibration(spoilt, POPULATION.wrong, weight).slope == pytest.approx(
        1 / 1.8, abs=0.12
    )


def test_recalibration_without_one_overturn_stays_finite() -> None:
    fitted = fit_recalibration(np.full(200, 0.1), np.zeros(200), np.full(200, 0.5))
    assert 0 < fitted.apply(np.array([0.1]))[0] < 0.03


def test_recalibration_refuses_a_chance_of_nothing() -> None:
    with (
        pytest.raises(EstimateError, match="inclusion probability of 0"),
        np.errstate(divide="ignore"),
    ):
        fit_recalibration(np.array([0.1]), np.array([1.0]), np.array([0.0]))


def test_the_recalibration_used_is_the_one_given() -> None:
    frame = draw()
    flat = estimate_overturn_rate(frame, recalibration=Recalibration(-3.0, 0.0))
    assert flat.overturn_rate != estimate_overturn_rate(frame).overturn_rate


def test_recalibration_by_domain_turns_a_model_that_is_upside_down_in_one() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(2, 12, 6_000)
    language = rng.choice(["da", "hi"], 6_000, p=[0.8, 0.2])
    truth = np.where(language == "da", p, np.clip(0.3 - p, 0.005, 1))
    y = (rng.random(6_000) < truth).astype(float)
    fitted = fit_recalibration_by(p, y, np.ones(6_000), domain=language)
    hindi = language == "hi"
    f = fitted.apply(p, language)
    assert spearmanr(f[hindi], truth[hindi]).statistic > 0.99  # the order is right there now
    assert spearmanr(fitted.whole.apply(p)[hindi], truth[hindi]).statistic < -0.99


def test_recalibration_by_domain_leaves_unseen_and_thin_domains_to_the_whole() -> None:
    p = POPULATION.risk.overturn_probability
    domain = np.where(np.arange(len(p)) == 0, "one audit", "rest")
    fitted = fit_recalibration_by(p, POPULATION.wrong, np.ones(len(p)), domain=domain)
    few = np.array([0.02, 0.1, 0.3])
    unseen = fitted.apply(few, np.array(["new", "new", "new"]))
    assert np.array_equal(unseen, fitted.whole.apply(few))
    thin = fitted.apply(few, np.full(3, "one audit"))
    assert np.all(np.abs(np.log(thin / unseen)) < 0.5)


def test_no_bound_contradicts_what_was_found() -> None:
    """Risk too high everywhere and few weighty audits: unclamped, both bounds fall below."""
    found, upheld = 40, 200
    audited = np.arange(2_000) < found + upheld
    overturned = np.where(np.arange(2_000) < found, 1.0, 0.0)
    frame = AuditedFrame(
        overturn_probability=np.full(2_000, 0.5),
        inclusion_probability=np.where(np.arange(2_000) < found, 1.0, 0.095),
        audited=audited,
        overturned=np.where(audited, overturned, np.nan),
    )
    estimate = estimate_overturn_rate(frame)
    totals = total_domains(
        frame,
        np.zeros(2_000, np.int64),
        frame.overturn_probability,
        sums=sum_frame(
            place_rows(np.zeros(2_000, np.int64), frame.overturn_probability, domains=1),
            Weights.of(frame.inclusion_probability, np.ones(2_000)),
        ),
    )
    assert totals.figure[0] < found / 2_000, "the case is meant to be one that needs the clamp"
    assert found / 2_000 <= estimate.low <= estimate.overturn_rate <= estimate.high
    assert estimate.high <= 1 - upheld / 2_000


def test_a_figure_at_its_least_keeps_a_sensible_effective_number_of_audits() -> None:
    """Some errors found with certainty, the rest upheld: the figure is pushed below what was found.

    A null taken at a rate of 0 all but vanishes there, and called 240 audits less than one.
    """
    rng = np.random.default_rng(5)
    p = np.concatenate([np.full(30, 0.9), rng.beta(1, 12, 3_970)])
    pi = np.concatenate([np.ones(30), np.full(3_970, 0.06)])
    audited = np.concatenate([np.ones(30, bool), rng.random(3_970) < 0.06])
    y = np.concatenate([np.repeat([1.0, 0.0], [20, 10]), np.zeros(3_970)])
    frame = AuditedFrame(p, pi, audited, np.where(audited, y, np.nan))
    found = estimate_overturn_rate(frame)
    assert found.overturn_rate == pytest.approx(20 / 4_000)
    assert 60 < found.effective_audits < 600
    assert found.audits_needed == 0
