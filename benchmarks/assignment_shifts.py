"""Made work and people, of any size and tightness, for measuring and for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.arrays import Floats, Texts
from models.assignment.work import Auditor, Work

LANGUAGES = np.array(["en", "es", "de", "fr", "pt", "ar"], dtype=object)
LANGUAGE_SHARES = np.array([0.45, 0.2, 0.15, 0.1, 0.06, 0.04])
POLICIES = np.array(["spam", "hate", "violence", "fraud", "abuse"], dtype=object)
POLICY_SHARES = np.array([0.35, 0.25, 0.15, 0.15, 0.1])
TEAMS = np.array(["t1", "t2", "t3", "t4"], dtype=object)


def texts(*values: object) -> Texts:
    """Return values as a column."""
    return np.array(values, dtype=object)


def make_work(rows: int, rng: np.random.Generator) -> Work:
    """Audits of which some are due, some of an unknown language, and some second reviews."""
    policy = rng.choice(POLICIES, rows, p=POLICY_SHARES)
    dark = np.isin(policy, ["violence", "abuse"])
    level = np.where(
        dark,
        rng.choice(4, rows, p=[0.1, 0.2, 0.4, 0.3]),
        rng.choice(4, rows, p=[0.7, 0.2, 0.1, 0.0]),
    )
    language = rng.choice(LANGUAGES, rows, p=LANGUAGE_SHARES)
    language[rng.random(rows) < 0.05] = None
    people = np.array([f"p{number}" for number in range(12)], dtype=object)
    return Work(
        decision_ids=np.array([f"d{number}" for number in range(rows)], dtype=object),
        value=rng.gamma(0.6, 1.0, rows),
        minutes=0.5 + rng.gamma(3.0, 1.2, rows),
        due_hours=np.where(rng.random(rows) < 0.2, rng.uniform(-48, 48, rows), np.inf),
        graphic_level=level.astype(np.int64),
        language=language,
        policy=policy,
        moderator=_sometimes(rng.choice(people, rows), 0.3, rng),
        team=_sometimes(rng.choice(TEAMS, rows), 0.8, rng),
        site=_sometimes(rng.choice(texts("north", "south"), rows), 0.8, rng),
        judged_by=_sometimes(_pairs(people, rows, rng), 0.1, rng),
    )


def _pairs(people: Texts, rows: int, rng: np.random.Generator) -> Texts:
    """Return sets of one or two people."""
    first, second = rng.choice(people, rows), rng.choice(people, rows)
    return texts(*(frozenset(pair) for pair in zip(first, second, strict=True)))


def _sometimes(values: Texts, share: float, rng: np.random.Generator) -> Texts:
    """Return values of which all but a share are null."""
    kept = np.asarray(values, dtype=object)
    kept[rng.random(len(values)) >= share] = None
    return kept


def make_people(count: int, minutes: float, rng: np.random.Generator) -> list[Auditor]:
    """People of uneven skills, with caps, opt-outs and a past."""
    return [_person(f"p{number}", minutes, rng) for number in range(count)]


def _person(name: str, minutes: float, rng: np.random.Generator) -> Auditor:
    languages = frozenset(rng.choice(LANGUAGES, rng.integers(1, 5), replace=False).tolist())
    policies = frozenset(rng.choice(POLICIES, rng.integers(2, 6), replace=False).tolist())
    return Auditor(
        auditor_id=name,
        minutes=float(np.clip(rng.normal(minutes, 0.2 * minutes), 0, 600)),
        languages=None if rng.random() < 0.1 else languages,
        policies=None if rng.random() < 0.1 else policies,
        opted_out=frozenset({"abuse"}) if rng.random() < 0.2 else frozenset(),
        most_graphic=int(rng.choice([0, 1, 2, 3], p=[0.05, 0.1, 0.25, 0.6])),
        team=str(rng.choice(TEAMS)) if rng.random() < 0.8 else None,
        site=str(rng.choice(["north", "south"])) if rng.random() < 0.8 else None,
        graphic_minutes=float(rng.choice([0, 20, 45, 60, np.inf])),
        graphic_items=float(rng.choice([3, 10, 25, np.inf])),
        recent_graphic_minutes=float(rng.gamma(2.0, 30.0)),
    )


def plain_work(
    value: list[float], *, minutes: float = 5.0, level: int = 0, due: float = np.inf
) -> Work:
    """Audits alike but for their value, that anybody may do."""
    rows = len(value)
    none = np.full(rows, None, dtype=object)
    worth: Floats = np.array(value, dtype=np.float64)
    return Work(
        decision_ids=np.array([f"d{number}" for number in range(rows)], dtype=object),
        value=worth,
        minutes=np.full(rows, minutes),
        due_hours=np.full(rows, due),
        graphic_level=np.full(rows, level, dtype=np.int64),
        language=none,
        policy=none,
        moderator=none,
        team=none,
        site=none,
        judged_by=none,
    )


def with_column(work: Work, **columns: object) -> Work:
    """Return work with some of its columns replaced."""
    return replace(work, **columns)  # type: ignore[arg-type]
