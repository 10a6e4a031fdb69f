"""Are the inclusion probabilities those of the draws? Mode by mode, against the known truth.

``z_total`` compares the mean of sum(y / pi) with the true total, ``z_size`` that of sum(1 / pi)
with the number of decisions, ``z_uniform`` the plain count in the embedded uniform sample.
``variance_ratio`` is the mean variance estimate over the variance seen. Two wrong ways of counting
a rolling queue stand beside, as a check that the test can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Flags, Floats, Positions
from models.offers import QueueDraw, Window, window_chance
from models.plan import Plan, RiskFrame, bonus, fit_plan
from models.sampling_key import SamplingKey, uniform_numbers
from models.selection import Selection, select_admission, select_batch
from models.threshold import inclusion_probability

ROWS = 1_500
AUDITS = 60
MINIMUMS = {"3": 5, "4": 4}


@dataclass(frozen=True, slots=True)
class Population:
    """Decisions whose outcomes are all known."""

    risk: RiskFrame
    wrong: Floats


def make_population(seed: int, rows: int = ROWS) -> Population:
    """Five policies, the smallest with 1.5 % of the volume; audits of 2 to 11 minutes."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 10, rows)
    risk = RiskFrame(
        decision_ids=np.array([f"d{i}" for i in range(rows)], dtype=object),
        overturn_probability=p,
        expected_harm=p * rng.choice([1.0, 2.0, 5.0], rows),
        stratum=rng.choice(5, rows, p=[0.5, 0.3, 0.145, 0.04, 0.015]).astype(str).astype(object),
        minutes=rng.choice([2.0, 5.0, 11.0], rows),
    )
    return Population(risk, (rng.random(rows) < p).astype(np.float64))


def key_of(number: int) -> SamplingKey:
    """Make a fresh secret for each repetition: the draw itself is what is repeated."""
    return SamplingKey(f"repetition-{number}", number.to_bytes(32, "big"))


def measure_exactness(repetitions: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Every mode at a quarter, half, all and double of the planned capacity."""
    population = make_population(seed)
    counted = replace(population.risk, minutes=None)
    mean_minutes = float(
        np.mean(population.risk.minutes if population.risk.minutes is not None else 1)
    )
    budget = AUDITS * mean_minutes
    found: dict[str, dict[str, float]] = {}
    for least in ({}, MINIMUMS):
        plan = fit_plan(counted, capacity=AUDITS, minimums=least, key_id="k")
        timed = fit_plan(
            population.risk, capacity=AUDITS, minimums=least, key_id="k", capacity_minutes=budget
        )
        suffix = " with minimums" if least else ""
        for size in (AUDITS // 4, AUDITS // 2, AUDITS, 2 * AUDITS):
            label = f"{suffix}, n={size}"
            batch = _batch(plan, counted, size)
            found[f"batch{label}"] = repeat(population, batch, repetitions)
            if not least or size > AUDITS // 4:  # a quarter would not cover the minimums' minutes
                hours = _batch(timed, population.risk, size * mean_minutes)
                found[f"minutes{label}"] = repeat(population, hours, repetitions)
        admitted = _admission(plan, counted)
        found[f"admission{suffix}"] = repeat(population, admitted, repetitions)
        timed_admission = _admission(timed, population.risk)
        found[f"admission by minutes{suffix}"] = repeat(population, timed_admission, repetitions)
    plan = fit_plan(counted, capacity=AUDITS, key_id="k")
    for counting in ("whole window", "at the moment of taking", "number drawn anew"):
        name = "offered again" if counting == "whole window" else f"WRONG: {counting}"
        found[name] = measure_queue(population, plan, repetitions, counting=counting)
    return found


Draw = Callable[[SamplingKey], Selection]


def _batch(plan: Plan, risk: RiskFrame, capacity: float) -> Draw:
    return lambda key: select_batch(risk, plan=plan, key=key, capacity=capacity)


def _admission(plan: Plan, risk: RiskFrame) -> Draw:
    return lambda key: select_admission(risk, plan=plan, key=key)


def repeat(population: Population, draw: Draw, repetitions: int) -> dict[str, float]:
    """Draw again and again under fresh secrets, and compare with the truth."""
    sums = np.empty((repetitions, 5))
    for number in range(repetitions):
        drawn = draw(key_of(number))
        totals = weighted_totals(population, drawn.selected, drawn.inclusion_probability)
        plain = population.wrong[drawn.random_audit].sum() / drawn.uniform_probability
        sums[number] = [*totals, plain, drawn.selected.sum()]
    return compare(population, sums)


def weighted_totals(population: Population, selected: Flags, chance: Floats) -> list[float]:
    """sum(y / pi), sum(1 / pi) and the variance estimate of the former."""
    y, pi = population.wrong[selected], chance[selected]
    return [float((y / pi).sum()), float((1 / pi).sum()), float(((1 - pi) / pi**2 * y).sum())]


def compare(population: Population, sums: Floats) -> dict[str, float]:
    """Compare the means with the truth, and the variance estimate with the variance."""
    truth = population.wrong.sum()
    targets = np.array([truth, len(population.wrong), np.nan, truth])
    means, errors = sums.mean(axis=0), sums.std(axis=0) / np.sqrt(len(sums))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (means[:4] - targets) / errors[:4]
    return {
        "z_total": float(z[0]),
        "z_size": float(z[1]),
        "z_uniform": float(z[3]),
        "bias_size": float(means[1] / targets[1] - 1),
        "variance_ratio": float(means[2] / sums[:, 0].var()),
        "mean_audits": float(means[4]),
        "repetitions": float(len(sums)),
    }


def measure_queue(
    population: Population, plan: Plan, repetitions: int, *, counting: str
) -> dict[str, float]:
    """Repeat a queue of 12 draws; each decision waits for up to four of them."""
    draws, arrivals = 12, np.arange(len(population.wrong)) % 12
    last = np.minimum(arrivals + 3, draws - 1)
    sums = np.zeros((repetitions, 5))
    for number in range(repetitions):
        drawn = draw_queue(population.risk, plan, number, (arrivals, last), counting)
        totals = weighted_totals(population, *drawn)
        sums[number] = [*totals, population.wrong.sum(), drawn[0].sum()]
    found = compare(population, sums)
    return {name: value for name, value in found.items() if name != "z_uniform"}


def draw_queue(
    risk: RiskFrame,
    plan: Plan,
    number: int,
    eligible: tuple[Positions, Positions],
    counting: str,
) -> tuple[Flags, Floats]:
    """Take five decisions a draw; count chances rightly or in one of two wrong ways."""
    first, last = eligible
    rows, draws = len(first), int(last.max()) + 1
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    uniform = uniform_numbers(risk.decision_ids, key_of(number))
    taken, at_taking = np.full(rows, -1), np.ones(rows)
    log: list[QueueDraw] = []
    for draw in range(draws):
        if counting == "number drawn anew":
            uniform = uniform_numbers(risk.decision_ids, key_of(number * draws + draw + 10**6))
        priority = risk.expected_harm + price / uniform**2
        queue = np.flatnonzero((taken < 0) & (first <= draw) & (draw <= last))
        queue = queue[np.argsort(-priority[queue])]
        mu = float(priority[queue[5]])
        log.append(QueueDraw(float(priority[queue[4]]), mu, int(queue[5])))
        taken[queue[:5]] = draw
        now = queue[:5]
        at_taking[now] = inclusion_probability(risk.expected_harm[now], price[now], mu)
    if counting == "whole window":
        window = Window(first, last, taken)
        chance = window_chance(risk.expected_harm, price, draws=log, window=window)
        return taken >= 0, chance
    return taken >= 0, at_taking
