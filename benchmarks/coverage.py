"""How often the interval holds the true rate, by scenario, dial, period and domain.

One frame per world and scenario; every simulation draws its outcomes, its random numbers and its
audits anew. As in monitoring, the recalibration comes from an earlier day's audits: the whole's for
the overall figure, each policy's own for policies, each language's own for languages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from benchmarks.frontier import ScoredDay, score_days
from models.arrays import Flags, Floats, Positions, total_by
from models.audited_frame import AuditedFrame
from models.comparison import wald_interval, wilson_interval
from models.difference import DomainTotals, total_domains
from models.interval import Placement, Weights, place_rows, sum_frame
from models.plan import Plan, bonus, fit_plan
from models.recalibration import fit_recalibration_by
from models.threshold import inclusion_probability

SCENARIOS = ("calibrated", "overconfident", "permuted", "shocked", "inverted")
INTERVALS = ("default", "wald difference", "wald horvitz-thompson", "wilson effective n")
SHOCK = 1.5
RECALIBRATIONS = 20
WHOLE = "all"
"""The dimension of one domain: the overall figure."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A period's frame, ready to be drawn from many times.

    Attributes
    ----------
    batch
        Number of the closed batch (day) of each row.
    domain
        Per dimension, the row's domain, numbered from 0.
    """

    harm: Floats
    price: Floats
    probability: Floats
    true_risk: Floats
    batch: Positions
    domain: Mapping[str, Positions]

    def chance(self, threshold: Floats) -> Floats:
        """Inclusion probability per row."""
        return inclusion_probability(self.harm, self.price, threshold)


def distort(scored: ScoredDay, scenario: str) -> ScoredDay:
    """Spoil the scores in the scenario's way."""
    p, language = scored.probability, scored.day.language
    score = logit(np.clip(p, 1e-6, 1 - 1e-6))
    if scenario == "overconfident":
        p = expit(score.mean() + 1.8 * (score - score.mean()))
    if scenario == "permuted":
        p = np.random.default_rng(17).permutation(p)
    if scenario == "inverted":
        for number in (1, 3, 5):
            rows = language == number
            p = np.where(rows, expit(2 * score[rows].mean() - score), p)
    return ScoredDay(scored.day, p)


def make_frame(days: list[ScoredDay], plan: Plan) -> Frame:
    """Stack days into one period; each day is a batch of its own."""
    probability = np.concatenate([day.probability for day in days])
    policy = np.concatenate([day.day.policy for day in days])
    return Frame(
        harm=np.concatenate([day.harm for day in days]),
        price=bonus(plan, probability, policy.astype(str)),
        probability=probability,
        true_risk=np.concatenate([day.day.true_risk for day in days]),
        batch=np.repeat(np.arange(len(days)), [len(day.probability) for day in days]),
        domain={
            WHOLE: np.zeros(len(policy), dtype=np.int64),
            "policy": policy,
            "language": np.concatenate([day.day.language for day in days]),
        },
    )


def draw_batches(frame: Frame, audits: int, rng: np.random.Generator) -> tuple[Flags, Floats]:
    """Draw closed batches of ``audits``, as ``models.selection`` does but without ranks."""
    priority = frame.harm + frame.price / rng.random(len(frame.harm)) ** 2
    threshold, selected = np.empty(len(priority)), np.zeros(len(priority), np.bool_)
    starts = np.flatnonzero(np.diff(frame.batch, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(priority)], strict=True):
        own = priority[start:stop]
        highest = np.partition(own, (len(own) - audits - 1, len(own) - audits))
        left_out, last_taken = highest[len(own) - audits - 1], highest[len(own) - audits]
        threshold[start:stop] = np.where(own > left_out, left_out, last_taken)
        selected[start:stop] = own > left_out
    return selected, frame.chance(threshold)


def measure_coverage(
    worlds: list[tuple[str, int]],
    *,
    dials: Mapping[str, float],
    scenarios: Sequence[str] = SCENARIOS,
    simulations: int,
    rows: int,
    progress: Callable[[dict[str, object]], None],
) -> dict[str, object]:
    """Coverage per cell, and the worst domain per interval and scenario."""
    cells: list[dict[str, object]] = []
    for name, seed in worlds:
        calm = score_days(name, seed, rows=rows, days=9)
        for scenario in scenarios:
            days = [distort(day, scenario) for day in calm]
            if scenario == "shocked":
                days = score_days(name, seed, rows=rows, days=9, shock=SHOCK)
            for dial, ratio in dials.items():
                for period in ("day", "week"):
                    cell = _measure_cell(days, period, ratio, simulations)
                    cells.append(
                        {"world": f"{name}-{seed}", "scenario": scenario, "dial": dial} | cell
                    )
                    progress(cells[-1])
    return {"worst": _worst(cells), "cells": cells}


def _measure_cell(
    days: list[ScoredDay], period: str, ratio: float, simulations: int
) -> dict[str, object]:
    """Simulate one cell: day 0 gives plan and recalibrations, the last days are estimated.

    A week is seven days of a fifth of the rows, so that both periods are of like size.
    """
    if period == "week":
        days = [_first_rows(day, len(day.probability) // 6) for day in days]
    earlier, now = days[0], days[-1:] if period == "day" else days[-7:]
    audits = round(0.02 * len(earlier.probability))
    plan = fit_plan(earlier.risk, capacity=audits, ratio=ratio, key_id="benchmark")
    rng = np.random.default_rng([simulations, int(100 * ratio), len(now)])
    past = days[: len(now)] if period == "day" else [earlier] * 7
    recalibrations = _recalibrations(make_frame(past, plan), audits, rng)
    frame = make_frame(now, plan)
    tally = _Tally(frame)
    for number in range(simulations):
        tally.add(
            frame, draw_batches(frame, audits, rng), recalibrations[number % RECALIBRATIONS], rng
        )
    return {"period": period, "simulations": simulations} | tally.summary(simulations)


def _first_rows(scored: ScoredDay, rows: int) -> ScoredDay:
    day = scored.day
    cut = type(day)(
        day.features.iloc[:rows],
        *(getattr(day, part)[:rows] for part in type(day).__slots__ if part != "features"),
    )
    return ScoredDay(cut, scored.probability[:rows])


Recalibrate = Callable[[Frame, str], Floats]
"""Recalibrated probability of each row of a frame, for estimates by a dimension."""


def _fit(frame: Frame, selected: Flags, wrong: Floats, chance: Floats) -> Recalibrate:
    """Fit by each dimension on the audits of an earlier frame, as monitoring does."""
    fitted = {
        name: fit_recalibration_by(
            frame.probability[selected], wrong, chance, domain=domain[selected].astype(str)
        )
        for name, domain in frame.domain.items()
    }

    def recalibrate(now: Frame, name: str) -> Floats:
        if name == WHOLE:
            return fitted[name].whole.apply(now.probability)
        return fitted[name].apply(now.probability, now.domain[name].astype(str))

    return recalibrate


def _recalibrations(frame: Frame, audits: int, rng: np.random.Generator) -> list[Recalibrate]:
    fitted = []
    for _ in range(RECALIBRATIONS):
        selected, chance = draw_batches(frame, audits, rng)
        wrong = (rng.random(int(selected.sum())) < frame.true_risk[selected]).astype(np.float64)
        fitted.append(_fit(frame, selected, wrong, chance[selected]))
    return fitted


class _Tally:
    """Counts of intervals that held the truth, per dimension, domain and interval."""

    def __init__(self, frame: Frame) -> None:
        self.domains = {name: int(d.max()) + 1 for name, d in frame.domain.items()}
        self.held = {
            name: {kind: np.zeros(count) for kind in INTERVALS}
            for name, count in self.domains.items()
        }
        self.width = {name: np.zeros(count) for name, count in self.domains.items()}
        self.error = np.zeros(2)
        self.placed: dict[tuple[Recalibrate, str], tuple[Floats, Placement]] = {}

    def add(
        self,
        frame: Frame,
        drawn: tuple[Flags, Floats],
        recalibration: Recalibrate,
        rng: np.random.Generator,
    ) -> None:
        """Draw outcomes, estimate every domain, and count."""
        selected, chance = drawn
        wrong = (rng.random(len(chance)) < frame.true_risk).astype(np.float64)
        audited = AuditedFrame(frame.probability, chance, selected, wrong)
        weights = Weights.of(chance, np.ones(len(chance)))
        for name, domain in frame.domain.items():
            f, placement = self._place(frame, recalibration, name)
            totals = total_domains(audited, domain, f, sums=sum_frame(placement, weights))
            truth = total_by(domain, wrong, self.domains[name]) / totals.sums.size
            for kind, (low, high) in _intervals(totals, audited, domain).items():
                self.held[name][kind] += (low - 1e-9 <= truth) & (truth <= high + 1e-9)
                if kind == "default":
                    self.width[name] += high - low
            if name == WHOLE:
                error = totals.figure[0] - truth[0]
                self.error += [error, error**2]

    def _place(
        self, frame: Frame, recalibration: Recalibrate, name: str
    ) -> tuple[Floats, Placement]:
        if (recalibration, name) not in self.placed:
            f = recalibration(frame, name)
            placement = place_rows(frame.domain[name], f, domains=self.domains[name])
            self.placed[recalibration, name] = (f, placement)
        return self.placed[recalibration, name]

    def summary(self, simulations: int) -> dict[str, object]:
        """Coverage by interval, dimension and domain."""
        bias, square = self.error / simulations
        coverage = {
            name: {kind: (held / simulations).round(4).tolist() for kind, held in kinds.items()}
            for name, kinds in self.held.items()
        }
        return {
            "overall": {kind: held[0] for kind, held in coverage.pop(WHOLE).items()},
            "coverage": coverage,
            "mean_width": {n: (w / simulations).round(5).tolist() for n, w in self.width.items()},
            "bias_z": bias / np.sqrt(max(square - bias**2, 1e-30) / simulations),
            "standard_error": float(np.sqrt(square)),
        }


def _intervals(
    totals: DomainTotals, audited: AuditedFrame, domain: Positions
) -> dict[str, tuple[Floats, Floats]]:
    """Bounds per domain by each of the intervals compared."""
    rows = np.flatnonzero(audited.audited)
    y, pi, own = audited.overturned[rows], audited.inclusion_probability[rows], domain[rows]
    size, domains = totals.sums.size, len(totals.sums.size)
    rate = total_by(own, y / pi, domains) / size
    variance = total_by(own, (1 - pi) / pi**2 * y, domains) / size**2
    weight = np.maximum(total_by(own, 1 / pi, domains), 1e-9)
    hajek = total_by(own, y / pi, domains) / weight
    scatter = total_by(own, (1 - pi) / pi**2 * (y - hajek[own]) ** 2, domains) / weight**2
    certain = (scatter <= 0) | (hajek <= 0) | (hajek >= 1)
    spread = hajek * (1 - hajek)
    effective = np.where(certain, totals.audits, spread / np.where(certain, 1.0, scatter))
    return {
        "default": totals.bounds(0.95),
        "wald difference": wald_interval(totals.figure, totals.observed_variance),
        "wald horvitz-thompson": wald_interval(rate, variance),
        "wilson effective n": wilson_interval(hajek, effective),
    }


def _worst(cells: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Interval -> scenario -> least coverage over domains, dials, periods and worlds."""
    worst: dict[str, dict[str, float]] = {kind: {} for kind in INTERVALS}
    for cell in cells:
        coverage, scenario = cell["coverage"], str(cell["scenario"])
        assert isinstance(coverage, dict)
        for kinds in coverage.values():
            for kind, values in kinds.items():
                least = min(values)
                worst[kind][scenario] = min(worst[kind].get(scenario, 1.0), least)
    return worst
