"""The model card: what a model is for, what it learned from, what it showed, and what it cannot."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np

from models.bundle import FORMAT, Bundle
from training.achieved import WATCHED_BUDGET, Achieved, achieved
from training.card_document import Card, Cell, Section, Table
from training.card_results import added, by_segment, calibration, fairness, results
from training.card_words import LIMITS, MISUSE, USE, percent
from training.families import FamilyGain
from training.findings import Finding, findings_table
from training.gates import Judged, Outcome, Verdict
from training.labels import Rate, read_label_counts
from training.learn import Trial

_LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy", "mlflow")
_YOUNG_DAYS = 28
_SELDOM = 0.02


def make_card(
    bundle: Bundle,
    trial: Trial,
    *,
    families: Sequence[FamilyGain] = (),
    verdict: Verdict | None = None,
    findings: Sequence[Finding] = (),
) -> Card:
    """Write the card of a bundle.

    Parameters
    ----------
    bundle
        With its fingerprint.
    families
        What each family of features adds, see `training.families`; empty = not measured.
    verdict
        What the gates said of it; null = not judged.
    findings
        Of the data that it learned from.
    """
    shown = achieved(trial)
    return Card(
        title=f"Second Look, model {bundle.fingerprint}",
        lede=_lede(shown),
        facts=_facts(bundle),
        sections=(
            Section("What it is for", points=USE),
            Section("What it is not for", points=MISUSE),
            results(trial, shown),
            _gates(verdict),
            calibration(trial, shown),
            *(by_segment(name, segments) for name, segments in shown.segments.items()),
            fairness(shown),
            added(families, shown),
            _labels(bundle),
            _found(findings),
            Section("Limits", points=(*LIMITS, *_own_limits(bundle, trial, shown))),
            Section("Versions", facts=_versions(bundle)),
        ),
    )


def _lede(shown: Achieved) -> str:
    caught, budget = shown.captures[WATCHED_BUDGET], percent(WATCHED_BUDGET, 0)
    return (
        "It gives each moderation decision the probability that an audit would overturn it, so "
        "that audits start where they undo most harm. Tried on "
        f"{shown.audits:,} later audits of items it had not seen, the riskiest {budget} of "
        f"decisions held {percent(caught.value, 0)} of the errors "
        f"({percent(caught.low, 0)} to {percent(caught.high, 0)}); a uniform sample of that size "
        f"holds {budget}."
    )


def _facts(bundle: Bundle) -> tuple[tuple[str, str], ...]:
    card = bundle.card
    reads = ["decisions", "track records"]
    reads += ["content"] if bundle.opinion is not None else []
    reads += [f"{len(bundle.extras)} own inputs"] if bundle.extras else []
    return (
        ("Fingerprint", bundle.fingerprint),
        ("Audited decisions of", f"{_day(card['from'])} to {_day(card['until'])}"),
        ("Audits it learned from", f"{card['audits']:,}"),
        ("Overturns among them", f"{card['overturns']:,}"),
        ("Decisions it knew of", f"{card['decisions']:,}"),
        ("Fingerprint of the data", str(card["data_fingerprint"])),
        ("Reads", ", ".join(reads)),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _day(text: str) -> str:
    time = _moment(text)
    return f"{time.day} {time:%B %Y}"


def _gates(verdict: Verdict | None) -> Section:
    title = "Gates"
    if verdict is None:
        return Section(title, ("It was not judged by gates.",))
    against = "no champion" if verdict.champion is None else f"champion {verdict.champion}"
    passed = [row for row in verdict.rows if row.outcome is Outcome.PASSED]
    counts = f"{len(passed)} passed, {len(verdict.failed)} failed, {len(verdict.unknown)} unknown"
    told = f"Verdict: {'passed' if verdict.passed else 'failed'}. Of its gates {counts}."
    rows = tuple(map(_judged, (*verdict.failed, *verdict.unknown, *passed)))
    titles = ("Gate", "Segment", "Outcome", "Why", "Figures", "Limit", "Audits")
    caption = f"Against {against}; what failed comes first, then what could not be judged."
    return Section(title, (told,), tables=(Table(caption, titles, rows, numbers=False),))


def _judged(row: Judged) -> tuple[Cell, ...]:
    named = (("champion", row.champion), ("this", row.challenger), ("difference", row.difference))
    figures = [f"{name} {value:.3g}" for name, value in named if value is not None]
    if row.low is not None and row.high is not None:
        figures.append(f"interval {row.low:.3g} to {row.high:.3g}")
    limit = "" if row.limit is None else f"{row.limit:g}"
    audits = f"{row.audits:,}" if row.audits else ""
    return (
        *(row.gate, row.segment, str(row.outcome), row.reason),
        *("; ".join(figures), limit, audits),
    )


def _labels(bundle: Bundle) -> Section:
    title, kept = "What it learned from", read_label_counts(bundle.card)
    if kept is None:
        return Section(title, ("The bundle does not keep its labels by policy.",))
    overall, by_policy = kept
    most_first = sorted(by_policy.items(), key=lambda each: -each[1].audits)
    rows = tuple(_label_row(*each) for each in [("All", overall), *most_first])
    titles = ("Policy", "Audits", "Overturned", "Effective audits", "Overturn rate")
    caption = (
        f"All audits that it learned from, n = {overall.audits:,}. Rates weigh an audit by one "
        "over its chance; effective: audits of equal weight that would tell as much."
    )
    return Section(title, tables=(Table(caption, titles, rows),))


def _label_row(name: str, rate: Rate) -> tuple[Cell, ...]:
    counts = (f"{rate.audits:,}", f"{rate.overturns:,}", f"{rate.effective:,.0f}")
    return (name, *counts, percent(rate.rate))


def _found(findings: Sequence[Finding]) -> Section:
    title = "What the data checks found"
    if not findings:
        return Section(title, ("Nothing was found, or the data was not checked in this run.",))
    table = findings_table(findings)
    titles = tuple(str(name).capitalize() for name in table.columns)
    rows = tuple(tuple(map(str, row)) for row in table.itertuples(index=False))
    caption = f"{len(rows)} found, the severe first."
    return Section(title, tables=(Table(caption, titles, rows, numbers=False),))


def _own_limits(bundle: Bundle, trial: Trial, shown: Achieved) -> list[str]:
    """Return the limits of this model that its data shows."""
    return [
        told
        for told in (_youth(bundle), _blindness(bundle), _rarity(trial), _thinness(shown))
        if told
    ]


def _youth(bundle: Bundle) -> str:
    days = (_moment(bundle.card["until"]) - _moment(bundle.card["from"])).days
    if days >= _YOUNG_DAYS:
        return ""
    return (
        f"The programme is young: its audits span {days} days, fewer than {_YOUNG_DAYS}. Track "
        "records are short, and no change over weeks could be learned or tried."
    )


def _blindness(bundle: Bundle) -> str:
    if bundle.opinion is not None:
        return ""
    return (
        "It has no second opinion on the content: no text or embedding came, or too little of it."
    )


def _rarity(trial: Trial) -> str:
    inclusion = trial.predictions["inclusion"].to_numpy()
    weight = 1 / inclusion
    effective = weight.sum() ** 2 / (weight**2).sum()
    seldom = float(weight[inclusion < _SELDOM].sum() / weight.sum())
    if np.ptp(weight) == 0:
        return ""
    return (
        f"The trial's {len(weight):,} audits tell as much as {effective:,.0f} of equal weight; "
        f"{percent(seldom, 0)} of the weight lies on audits whose chance was under "
        f"{percent(_SELDOM, 0)}."
    )


def _thinness(shown: Achieved) -> str:
    few = sum(s.auroc is None for segments in shown.segments.values() for s in segments)
    every = sum(len(segments) for segments in shown.segments.values())
    if not few:
        return ""
    return (
        f"In {few} of {every} segments the trial holds too few overturned, or upheld, audits to "
        "say how well it ranks there."
    )


def _versions(bundle: Bundle) -> tuple[tuple[str, str], ...]:
    return (
        ("Bundle", f"{bundle.fingerprint}, format {FORMAT}"),
        ("Second Look", str(bundle.card.get("code_version", version("secondlook")))),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in _LIBRARIES),
    )
