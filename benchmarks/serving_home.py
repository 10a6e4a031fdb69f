"""Homes to measure the service on: that of the demonstration, and that of the comparison.

Both hold a simulated month, its audits, a trained model and a plan, made by the same steps that
``secondlook demo`` takes. The model of the comparison differs in its trees alone: 300 of 31 leaves
over 50 features, 4 of them categorical, which is what the peers serve too. It reaches 50 with
``x_*`` inputs of a team's own, and is published like any bundle: the service knows nothing of it.
The features of the text are null, as the rows carry none.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.contract import DECISIONS, OUTCOMES, check
from features.frame import FEATURES, OPINION_FEATURES
from features.home import Home, make_home, open_home
from features.intake import add_decisions, add_outcomes
from features.known import known_before
from features.simulate import Simulation, simulate
from features.store import open_store
from models.arrays import Floats
from models.bundle import Bundle, save_bundle
from models.compiled import compile_bundle, compiled_folder
from models.contributions import fit_contributions
from models.publication import open_champion, publish
from models.scoring import features_of
from serving.access import create_key
from training.learn import LearningSettings
from training.planning import fit_current_plan, make_current
from training.promotion import promote
from training.train import train

TREES, LEAVES, COLUMNS = 300, 31, 50
CATEGORIES = ("policy", "action", "language", "content_type")
CAPACITY_SHARE = 0.05
_TEXT_FEATURES = len(OPINION_FEATURES) + 1
EXTRAS = COLUMNS - (len(FEATURES) - _TEXT_FEATURES)
_LEARNED_ROWS = 60_000
_NULL = re.compile(r'"[a-z0-9_]+":null,?')
_WORDS = 4_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is simulated.

    Attributes
    ----------
    days, decisions_per_day
        Before the service starts; the demonstration's by default.
    audit_share
        Of them, audited.
    """

    days: int = 30
    decisions_per_day: int = 8_000
    audit_share: float = 0.05
    seed: int = 0


SMALL = Scale(days=6, decisions_per_day=600, audit_share=0.6, seed=5)


@dataclass(frozen=True, slots=True)
class Peer:
    """What the peers serve.

    Attributes
    ----------
    booster
        The trees of the comparison, over the columns that are not null everywhere.
    matrix
        Ready features of decisions, shape (rows, 50); null = NaN.
    difference
        Largest difference of its predictions from those of the booster in the bundle.
    """

    booster: lgb.Booster
    matrix: Floats
    difference: float


@dataclass(frozen=True, slots=True)
class Served:
    """A home that can be served.

    Attributes
    ----------
    key
        Of the role queue.
    bundle
        The one that serves.
    matrix
        Ready features of past decisions for its trees, shape (rows, features).
    decisions
        The same decisions.
    """

    home: Home
    key: str
    bundle: Bundle
    matrix: Floats
    decisions: pd.DataFrame


@dataclass(slots=True)
class Traffic:
    """Decisions that no service has seen, each handed out once, as JSON."""

    lines: list[str]
    used: int = 0

    def take(self, rows: int) -> list[str]:
        """Return the next decisions.

        Raises
        ------
        IndexError
            If there are no more.
        """
        if self.used + rows > len(self.lines):
            raise IndexError(f"saw {len(self.lines):,} made decisions; expected more")
        self.used += rows
        return self.lines[self.used - rows : self.used]

    def body(self, rows: int) -> bytes:
        """Return the body of a call: a closed batch, or one decision by admission."""
        capacity = f'"capacity":{max(round(CAPACITY_SHARE * rows), 1)},' if rows > 1 else ""
        return ("{" + capacity + '"decisions":[' + ",".join(self.take(rows)) + "]}").encode()


def past_of(scale: Scale, *, extras: int = 0, text: bool = False) -> Simulation:
    """Return what is known before the service starts."""
    made = simulate(
        days=scale.days,
        decisions_per_day=scale.decisions_per_day,
        audit_share=scale.audit_share,
        seed=scale.seed,
    )
    decisions = check(_widened(made, extras, text=text), DECISIONS).require()
    return replace(made, decisions=decisions, outcomes=check(made.outcomes, OUTCOMES).require())


def traffic_of(scale: Scale, *, rows: int, extras: int = 0, text: bool = False) -> Traffic:
    """Return later decisions of the same programme."""
    before = scale.days * scale.decisions_per_day
    days = scale.days + -(-rows // scale.decisions_per_day)
    made = simulate(days=days, decisions_per_day=scale.decisions_per_day, seed=scale.seed)
    later = _widened(made, extras, text=text).iloc[before : before + rows]
    return Traffic(as_lines(later))


def as_lines(decisions: pd.DataFrame) -> list[str]:
    """Return each decision as JSON, without its nulls."""
    told = decisions.to_json(orient="records", lines=True, date_format="iso", date_unit="us")
    return [_NULL.sub("", line).replace(",}", "}") for line in str(told).splitlines()]


def demo_home(path: Path, scale: Scale, *, text: bool = False) -> Served:
    """Make the home of the demonstration; its bundle is what ``secondlook demo`` trains."""
    made = past_of(scale, text=text)
    home, key = _trained(path, made, LearningSettings())
    return _served(home, key, _ready(home, made), made)


def compared_home(path: Path, scale: Scale) -> tuple[Served, Peer]:
    """Make the home of the comparison, and what its peers serve."""
    made = past_of(scale, extras=EXTRAS)
    home, key = _trained(path, made, LearningSettings(earlier_looks=True))
    bundle, matrix = open_champion(home).bundle, _ready(home, made)
    label = made.truth["overturned"].to_numpy(dtype=float)[-len(matrix) :]
    names = [feature.name for feature in bundle.risk.encoder.features]
    seen = np.asarray(~np.isnan(matrix).all(axis=0))
    if seen.sum() != COLUMNS:
        raise ValueError(f"comparison: saw {seen.sum()} features; expected {COLUMNS}")
    booster = fit_trees(matrix, label, names)
    narrow = fit_trees(
        matrix[:, seen], label, [n for n, own in zip(names, seen, strict=True) if own]
    )
    gap = np.abs(_predicted(booster, matrix) - _predicted(narrow, matrix[:, seen])).max()
    _publish(home, _with_trees(bundle, booster))
    return _served(home, key, matrix, made), Peer(narrow, matrix[:, seen], float(gap))


def compiled_home(served: Served, path: Path) -> Served:
    """Copy a home that is not being served, and compile the trees of its bundle."""
    shutil.copytree(served.home.path, path)
    home = open_home(path)
    compile_bundle(open_champion(home).bundle, compiled_folder(home))
    return replace(served, home=home)


def fit_trees(matrix: Floats, label: Floats, names: list[str]) -> lgb.Booster:
    """Fit the trees of the comparison; each has all its leaves.

    Raises
    ------
    ValueError
        If a tree has fewer.
    """
    dataset = lgb.Dataset(
        matrix,
        label=label,
        feature_name=names,
        categorical_feature=[names.index(name) for name in CATEGORIES],
        params={"verbose": -1},
    )
    parameters: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": 0.03,
        "num_leaves": LEAVES,
        "min_data_in_leaf": max(len(matrix) // 3_000, 2),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": 0,
        "verbose": -1,
    }
    booster = lgb.train(parameters, dataset, num_boost_round=TREES)
    leaves = {tree["num_leaves"] for tree in booster.dump_model()["tree_info"]}
    if leaves != {LEAVES} or booster.num_trees() != TREES:
        raise ValueError(f"comparison: saw {booster.num_trees()} trees of {leaves} leaves")
    return booster


def _widened(made: Simulation, extras: int, *, text: bool) -> pd.DataFrame:
    """Add a team's own inputs, which tell a little of the truth, and a made text."""
    rng = np.random.default_rng(len(made.truth))
    wrong = made.truth["overturned"].to_numpy(dtype=float)
    own: dict[str, Any] = {
        f"x_signal_{number}": np.round(rng.normal(size=len(wrong)) + 0.2 * number * wrong, 4)
        for number in range(1, extras + 1)
    }
    if text:
        own["text"] = _texts(len(wrong), rng)
    return made.decisions.assign(**own)


def _texts(rows: int, rng: np.random.Generator) -> list[str]:
    """Make texts of 5 to 60 words, the frequent ones frequent; they mean nothing."""
    letters = np.array(list("aeioulnrstdmkpbg"))
    words = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(_WORDS)]
    lengths = rng.integers(5, 61, size=rows)
    drawn = iter(((rng.zipf(1.3, size=lengths.sum()) - 1) % _WORDS).tolist())
    return [" ".join(words[next(drawn)] for _ in range(length)) for length in lengths.tolist()]


def _trained(path: Path, made: Simulation, settings: LearningSettings) -> tuple[Home, str]:
    home = make_home(path)
    store = open_store(home.store_url())
    store.initialise()
    add_decisions(home, made.decisions)
    add_outcomes(home, made.outcomes)
    train(home, settings=settings)
    promote(home)
    _, key = create_key(store, "queue", datetime.now(UTC))
    store.engine.dispose()
    return home, key


def _ready(home: Home, made: Simulation) -> Floats:
    """Return ready features of the latest decisions, for the bundle that serves."""
    bundle = open_champion(home).bundle
    decisions = made.decisions
    latest = decisions.tail(_LEARNED_ROWS)
    known = known_before(latest, decisions, made.outcomes, bundle.record_settings)
    frame = features_of(bundle, latest, known)
    return np.ascontiguousarray(bundle.risk.encoder.tree_matrix(frame))


def _with_trees(bundle: Bundle, booster: lgb.Booster) -> Bundle:
    risk = replace(bundle.risk, booster=booster)
    return replace(bundle, risk=risk, contributions=fit_contributions(risk))


def _publish(home: Home, bundle: Bundle) -> None:
    """Publish a bundle with a plan of its own."""
    folder = home.path / "compared"
    fingerprint = save_bundle(bundle, folder)
    publish(home, folder, f"compared-{fingerprint}")
    store = open_store(home.store_url())
    make_current(store, fit_current_plan(home, bundle), datetime.now(UTC))
    store.engine.dispose()


def _served(home: Home, key: str, matrix: Floats, made: Simulation) -> Served:
    return Served(home, key, open_champion(home).bundle, matrix, made.decisions.tail(len(matrix)))


def _predicted(booster: lgb.Booster, matrix: Floats) -> Floats:
    return np.asarray(booster.predict(matrix[:10_000], num_threads=1))
