"""Measure the model after months of learning from its own selections, and write it as JSON.

``uv run --group bench python -m benchmarks.retraining --out FILE.json`` simulates 62 days of 8,000
decisions whose truth is known. The audits of the first block of days are a uniform sample; from
then on, block by block, the model learns from all that is known, the plan is fitted on the last day
before the block, and each day of the block is one closed batch, whose audits are known a day after
it. The same days audited uniformly, or ``80/20`` (four fifths the highest expected harm, one fifth
a uniform sample of the rest), show what the selection does to the model.

Figures are of the last two days, from which no audit is ever known, against the true probabilities
and against drawn outcomes. The JSON holds ``{policy: {figure: {mean, by_seed}}}`` after the last
round and ``by_round``: ``{policy: [{round, day, figure: {mean, by_seed}}]}``. Earlier rounds are
measured on the same last days, so that their model and records are as old as they would be by then.
A round in which there was too little to learn from has null figures, ``learned`` 0, and its next
block is audited uniformly. ``weighed records`` is the default plan's last round, learned from the
same audits with track records that weigh each by one over its chance, at most 10 times the typical.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.ranking_figures import calibration_error
from features.contract import DIRECTIONS
from features.errors import SettingsError, TrainingError
from features.history import groups_of
from features.known import known_before
from features.policies import Policies
from features.simulate import audit, simulate
from features.track_record import RecordSettings
from models.arrays import Flags, Floats, Positions
from models.bundle import Bundle
from models.plan import DIALS, fit_plan
from models.ranking import risk_frame
from models.sampling_key import SamplingKey
from models.scoring import Scores, score
from models.selection import select_batch
from training.learn import LearningSettings, learn

DEFAULT_PLAN, UNIFORM, FIXED = "default plan", "uniform", "80/20"
WEIGHED, BEST = "default plan, weighed records", "bayes"
TEST_DAYS = 2
RESULT_DAYS = 2
"""From the start of a day to its audits being known: it closes at midnight, and a day later."""
UNIFORM_STEP = 3
"""Uniform audits do not depend on the model, so it learns from them only in every third round."""
GREEDY_SHARE = 0.8

Figures = dict[str, float]
Drawn = tuple[Flags, Floats]
"""Which decisions of a day are audited, and the chance of each."""


@dataclass(frozen=True, slots=True)
class World:
    """A simulated programme.

    Attributes
    ----------
    decisions, truth
        In the order of time, row by row the same.
    day
        Number of each decision's day, from 0.
    group
        Number of each decision's group of near-duplicates.
    share
        Of a day's decisions that are audited.
    """

    decisions: pd.DataFrame
    truth: pd.DataFrame
    day: Positions
    group: Positions
    share: float
    key: SamplingKey
    seed: int

    def rows(self, first: int, until: int) -> slice:
        """Return the rows of the days from `first` to before `until`."""
        return slice(*np.searchsorted(self.day, [first, until]).tolist())

    def start_of(self, day: int) -> pd.Timestamp:
        """Return the midnight with which a day begins."""
        first: pd.Timestamp = self.decisions["decided_at"].iloc[0]
        return first.normalize() + pd.Timedelta(days=day)

    def audits(self, rows: int) -> int:
        """Return how many of so many decisions are audited."""
        return max(round(self.share * rows), 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What was learned by a day, and the audits of the days before it.

    Attributes
    ----------
    bundle
        Null where there was too little to learn from.
    outcomes
        Audits of all earlier days, those that will only be known later among them.
    """

    bundle: Bundle | None
    outcomes: pd.DataFrame


@dataclass(slots=True)
class Round:
    """Figures of one round of one policy, by seed."""

    number: int
    day: int
    by_seed: list[Figures] = field(default_factory=list)


def make_world_of(*, days: int, decisions_per_day: int, share: float, seed: int) -> World:
    """Simulate a programme of so many days and the two on which it is measured."""
    made = simulate(
        days=days + TEST_DAYS, decisions_per_day=decisions_per_day, audit_share=share, seed=seed
    )
    decided = made.decisions["decided_at"]
    return World(
        made.decisions,
        made.truth,
        np.asarray((decided - decided.iloc[0].normalize()).dt.days),
        np.asarray(pd.factorize(groups_of(made.decisions))[0]),
        share,
        SamplingKey("benchmark", seed.to_bytes(32, "big")),
        seed,
    )


def block_edges(days: int, rounds: int) -> list[int]:
    """Return the first day of each block, and the day after the last.

    Examples
    --------
    >>> block_edges(24, 4)
    [0, 6, 12, 18, 24]
    """
    if not 1 <= rounds <= days // RESULT_DAYS:
        raise SettingsError(
            f"rounds: saw {rounds} in {days} days; expected 1 to {days // RESULT_DAYS}, as audits "
            "of the last day of a block are not known when the next one begins."
        )
    return [round(days * number / rounds) for number in range(rounds + 1)]


def scored(
    world: World, bundle: Bundle, outcomes: pd.DataFrame, rows: slice
) -> Scores[pd.DataFrame]:
    """Score decisions by what was known when each was made."""
    decisions = world.decisions.iloc[rows]
    return score(bundle, decisions, known_of(world, outcomes, rows, bundle.record_settings))


def known_of(
    world: World, outcomes: pd.DataFrame, rows: slice, settings: RecordSettings
) -> pd.DataFrame:
    """Return what was known of decisions, read from those earlier ones that can say something.

    These are the ones audited, the ones on the same items, and those of the moderators' last days.
    """
    recent = np.searchsorted(world.day, world.day[rows.start] - 2)
    says = np.isin(world.group[: rows.stop], world.group[rows])
    says[recent:] = True
    says |= world.decisions["decision_id"].iloc[: rows.stop].isin(outcomes["decision_id"])
    past = world.decisions.iloc[np.flatnonzero(says)]
    return known_before(world.decisions.iloc[rows], past, outcomes, settings)


def by_plan(world: World, known: Known, first: int) -> Callable[[slice, pd.DataFrame], Drawn]:
    """Select by the default plan, fitted on the last day before the block."""
    assert known.bundle is not None
    bundle, before = known.bundle, world.rows(first - 1, first)
    recent = world.decisions.iloc[before]
    frame = risk_frame(recent, scored(world, bundle, known.outcomes, before))
    plan = fit_plan(
        frame, capacity=world.audits(len(frame)), ratio=DIALS["default"], key_id=world.key.key_id
    )

    def draw(rows: slice, outcomes: pd.DataFrame) -> Drawn:
        day = world.decisions.iloc[rows]
        risk = risk_frame(day, scored(world, bundle, outcomes, rows))
        found = select_batch(risk, plan=plan, key=world.key, capacity=world.audits(len(day)))
        return found.selected, found.inclusion_probability

    return draw


def by_fixed_share(
    world: World, known: Known, first: int
) -> Callable[[slice, pd.DataFrame], Drawn]:
    """Select the highest expected harm, and a uniform sample of the rest."""
    assert known.bundle is not None
    bundle = known.bundle

    def draw(rows: slice, outcomes: pd.DataFrame) -> Drawn:
        harm = scored(world, bundle, outcomes, rows).expected_harm
        audits = world.audits(len(harm))
        top = np.argsort(-harm, kind="stable")[: round(GREEDY_SHARE * audits)]
        rest = np.setdiff1d(np.arange(len(harm)), top)
        number = world.key.numbers(world.decisions["decision_id"].iloc[rows].to_numpy())[rest]
        more = rest[np.argsort(number)[: audits - len(top)]]
        selected, chance = np.zeros(len(harm), dtype=bool), np.ones(len(harm))
        selected[top] = selected[more] = True
        chance[rest] = len(more) / len(rest)
        return selected, chance

    return draw


def uniformly(world: World, rows: slice) -> Drawn:
    """Select as many, each with the same chance."""
    number = world.key.numbers(world.decisions["decision_id"].iloc[rows].to_numpy())
    audits = world.audits(len(number))
    selected = np.zeros(len(number), dtype=bool)
    selected[np.argsort(number)[:audits]] = True
    return selected, np.full(len(number), audits / len(number))


SELECTORS = {DEFAULT_PLAN: by_plan, FIXED: by_fixed_share}
POLICIES = (DEFAULT_PLAN, UNIFORM, FIXED)


def audit_block(
    world: World, policy: str, known: Known, first: int, until: int
) -> list[pd.DataFrame]:
    """Audit each day of a block as one closed batch, and return what was found."""
    found: list[pd.DataFrame] = []
    selects = policy in SELECTORS and known.bundle is not None
    draw = SELECTORS[policy](world, known, first) if selects else None
    for day in range(first, until):
        rows = world.rows(day, day + 1)
        if draw is None:
            selected, chance = uniformly(world, rows)
        else:
            selected, chance = draw(rows, pd.concat([known.outcomes, *found], ignore_index=True))
        truth = world.truth.iloc[rows]
        ids, when = truth["decision_id"][selected], world.start_of(day + RESULT_DAYS)
        audits = audit(truth, ids, audited_at=when, seed=world.seed)
        given = pd.array(chance[selected], dtype="Float64")
        found.append(audits.assign(inclusion_probability=given))
    return found


def learned(
    world: World,
    outcomes: pd.DataFrame,
    day: int,
    tell: Callable[[str], None],
    record: RecordSettings | None = None,
) -> Bundle | None:
    """Learn from all decisions before a day and the audits known by then; null if too few."""
    decisions = world.decisions.iloc[world.rows(0, day)]
    arrived = outcomes[outcomes["audited_at"] <= world.start_of(day)]
    settings = LearningSettings() if record is None else LearningSettings(record=record)
    try:
        return learn(decisions, arrived, policies=Policies(), settings=settings)[0]
    except TrainingError as error:
        tell(f"day {day}: {error}")
        return None


def weighed(outcomes: pd.DataFrame) -> RecordSettings:
    """Return records that weigh an audit by one over its chance, at most 10 times the typical."""
    chance = outcomes["inclusion_probability"].to_numpy(dtype=float)
    typical = len(chance) / float((1 / chance).sum())
    return RecordSettings(typical_inclusion=typical, weight_cap=10.0)


def measured(world: World, known: Known, day: int) -> Figures:
    """Return the figures on the last days, and from how much the model learned by `day`."""
    outcomes = known.outcomes[known.outcomes["audited_at"] <= world.start_of(day)]
    so_far = {
        "audits": float(len(outcomes)),
        "overturns": float(outcomes["verdict"].isin(DIRECTIONS).sum()),
        "learned": float(known.bundle is not None),
    }
    if known.bundle is None:
        return so_far
    last = int(world.day[-1]) + 1
    rows = world.rows(last - TEST_DAYS, last)
    predicted = scored(world, known.bundle, known.outcomes, rows).overturn_probability
    return figures_against_truth(predicted, world.truth.iloc[rows]) | so_far


def figures_against_truth(predicted: Floats, truth: pd.DataFrame) -> Figures:
    """Return how well probabilities rank, and how far they are from the truth.

    Examples
    --------
    >>> chance = np.linspace(0.01, 0.9, 60)
    >>> drawn = np.random.default_rng(0).random(60) < chance
    >>> truth = pd.DataFrame({"overturn_probability_true": chance, "overturned": drawn})
    >>> found = figures_against_truth(chance, truth)
    >>> found["capture_05_of_bayes"], found["calibration_error"], found["mean_ratio"]
    (1.0, 0.0, 1.0)
    """
    true = truth["overturn_probability_true"].to_numpy(dtype=float)
    overturned, even = truth["overturned"].to_numpy(dtype=float), np.ones(len(true))
    return {
        "capture_05_of_bayes": _of_bayes(predicted, true, 0.05),
        "capture_10_of_bayes": _of_bayes(predicted, true, 0.10),
        "auroc": float(roc_auc_score(overturned, predicted)),
        "ap": float(average_precision_score(overturned, predicted)),
        "calibration_error": calibration_error(predicted, true, even),
        "calibration_error_drawn": calibration_error(predicted, overturned, even),
        "mean_ratio": float(predicted.mean() / true.mean()),
    }


def _of_bayes(predicted: Floats, true: Floats, share: float) -> float:
    """Return the errors expected in the riskiest share, over those in the truly riskiest."""
    most = round(share * len(true))
    ours = true[np.argsort(-predicted, kind="stable")[:most]].sum()
    return float(ours / np.sort(true)[::-1][:most].sum())


def rounds_of(
    world: World, policy: str, edges: list[int], tell: Callable[[str], None], first: Known
) -> Iterator[tuple[str, int, Figures]]:
    """Yield name, round and figures as a policy's rounds go by; `first` is known to all policies.

    The last yield of the default plan is of the same audits with weighed records.
    """
    known, last = first, len(edges) - 1
    for number in range(1, last + 1):
        day, began = edges[number], time.perf_counter()
        looked_at = policy != UNIFORM or (last - number) % UNIFORM_STEP == 0
        if number > 1 and looked_at:
            known = Known(learned(world, known.outcomes, day, tell), known.outcomes)
        seconds = {"learn_s": time.perf_counter() - began} if number > 1 else {}
        if looked_at:
            yield policy, number, measured(world, known, day) | seconds
        if number < last:
            found = audit_block(world, policy, known, day, edges[number + 1])
            outcomes = pd.concat([known.outcomes, *found], ignore_index=True)
            known = Known(known.bundle, outcomes)
    if policy == DEFAULT_PLAN:
        record = weighed(known.outcomes)
        known = Known(learned(world, known.outcomes, edges[-1], tell, record), known.outcomes)
        yield WEIGHED, last, measured(world, known, edges[-1])


def measure(
    arguments: argparse.Namespace, report: Callable[[str, dict[str, list[Round]]], None]
) -> dict[str, list[Round]]:
    """Run every seed and policy, and report after each round."""
    edges = block_edges(arguments.days, arguments.rounds)
    results: dict[str, list[Round]] = {}
    began = time.perf_counter()

    def keep(seed: int, name: str, number: int, figures: Figures) -> None:
        rounds = results.setdefault(name, [])
        if all(each.number != number for each in rounds):
            rounds.append(Round(number, edges[number]))
        next(each for each in rounds if each.number == number).by_seed.append(figures)
        told = ", ".join(f"{n} {v:.3f}" for n, v in figures.items())
        at = f"{time.perf_counter() - began:.0f} s, seed {seed}, {name}, round {number}"
        report(f"{at}: {told}", results)

    for seed in range(arguments.seeds):
        world = make_world_of(
            days=arguments.days,
            decisions_per_day=arguments.decisions_per_day,
            share=arguments.share,
            seed=seed,
        )

        def tell(line: str, seed: int = seed) -> None:
            report(f"seed {seed}, {line}", results)

        test = world.truth.iloc[world.rows(arguments.days, arguments.days + TEST_DAYS)]
        best = test["overturn_probability_true"].to_numpy(dtype=float)
        keep(seed, BEST, arguments.rounds, figures_against_truth(best, test))
        first = audit_block(world, UNIFORM, Known(None, pd.DataFrame()), 0, edges[1])
        outcomes = pd.concat(first, ignore_index=True)
        known = Known(learned(world, outcomes, edges[1], tell), outcomes)
        for policy in arguments.policies:
            for name, number, figures in rounds_of(world, policy, edges, tell, known):
                keep(seed, name, number, figures)
    return results


def over_seeds(by_seed: list[Figures]) -> dict[str, dict[str, object]]:
    """Return mean and values of each figure; null where a seed had none, and its mean too.

    Examples
    --------
    >>> over_seeds([{"auroc": 0.5}, {}])
    {'auroc': {'mean': None, 'by_seed': [0.5, None]}}
    """
    names = dict.fromkeys(name for figures in by_seed for name in figures)
    values = {name: [figures.get(name) for figures in by_seed] for name in names}
    return {
        name: {
            "mean": None if None in each else float(np.mean(np.array(each, dtype=float))),
            "by_seed": each,
        }
        for name, each in values.items()
    }


def summary(results: dict[str, list[Round]]) -> dict[str, Any]:
    """Return the figures after the last round by policy, and those of every round."""
    by_round = {
        name: [
            {"round": each.number, "day": each.day} | over_seeds(each.by_seed) for each in rounds
        ]
        for name, rounds in results.items()
    }
    return {name: over_seeds(rounds[-1].by_seed) for name, rounds in results.items()} | {
        "by_round": by_round
    }


def table(results: dict[str, list[Round]]) -> str:
    """Return the means after the last round as a Markdown table."""
    shown = (
        *("capture_05_of_bayes", "capture_10_of_bayes", "auroc", "ap"),
        *("calibration_error", "calibration_error_drawn", "mean_ratio"),
    )
    lines = ["| selection | " + " | ".join(shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for name, rounds in results.items():
        found = over_seeds(rounds[-1].by_seed)
        means = [found.get(figure, {}).get("mean") for figure in shown]
        cells = [f"{mean:.3f}" if isinstance(mean, float) else "none" for mean in means]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="where to write the JSON")
    parser.add_argument("--days", type=int, default=60, help="days of audits")
    parser.add_argument("--decisions-per-day", type=int, default=8_000)
    parser.add_argument("--share", type=float, default=0.05, help="of a day that is audited")
    parser.add_argument("--rounds", type=int, default=10, help="times that the model learns")
    parser.add_argument("--seeds", type=int, default=2, help="number of worlds")
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=[DEFAULT_PLAN, UNIFORM])
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Measure, and keep what is known so far in the file."""
    read = parse(arguments)

    def report(line: str, results: dict[str, list[Round]]) -> None:
        print(line, file=sys.stderr, flush=True)
        read.out.write_text(json.dumps(summary(results), indent=1) + "\n", encoding="utf-8")

    with import_module("threadpoolctl").threadpool_limits(1):
        print(table(measure(read, report)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
