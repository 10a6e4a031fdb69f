"""The sections of a model card that hold what a trial showed, each with its n and its intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from training.achieved import WATCHED_BUDGET, Achieved, Segment, rates_by_risk
from training.card_charts import draw_calibration, draw_capture
from training.card_document import Cell, Figure, Section, Table
from training.card_words import FAMILIES, SEGMENT_WORDS, percent, spread
from training.evaluate import capture
from training.families import FamilyGain
from training.learn import Trial

_FAIRNESS = ("language", "region", "moderator_team")
_FAIRNESS_TITLES = (
    "Audits",
    "Its errors reached",
    "Its share of the audit",
    "Its share of errors",
    "Found over expected",
)
_BUDGET = f"{100 * WATCHED_BUDGET:.0f} %"


def results(trial: Trial, shown: Achieved) -> Section:
    """Return what it showed overall: capture at each budget, and the figures of the ranking."""
    n = f"n = {shown.audits:,} audits, {shown.overturns:,} overturned"
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"riskiest {100 * budget:.0f} %", spread(found), f"{found.value / budget:.1f} times")
        for budget, found in shown.captures.items()
    )
    how = (
        f"Measured on {n}, in {shown.groups:,} groups of near-duplicates, all decided later than "
        "what the trial's model learned from. Each audit counts by one over its chance of being "
        "picked. Intervals are 95 % intervals; near-duplicates count together in them."
    )
    drawn = Figure(
        "Errors found by decisions audited. Solid: ranked by risk, with 95 % intervals at five "
        f"budgets; dotted: the best possible; dashed: a uniform sample. {n}.",
        _capture_drawn(trial, shown),
    )
    titles = ("Of decisions", "Of errors", "Of a uniform sample")
    table = Table(f"Share of all errors among the riskiest decisions. {n}.", titles, rows)
    return Section(
        "What it showed", (how,), facts=_ranking(trial, shown), figures=(drawn,), tables=(table,)
    )


def _ranking(trial: Trial, shown: Achieved) -> tuple[tuple[str, str], ...]:
    figures = trial.metrics
    return (
        ("AUROC", f"{figures['auroc']:.3f}"),
        ("Average precision", f"{figures['average_precision']:.3f}"),
        ("Overturn rate found", str(spread(shown.rate.found))),
        ("Overturn rate expected", percent(shown.rate.expected)),
        ("Found over expected", str(spread(shown.rate.ratio, share=False))),
        ("Calibration error, ten bins", percent(figures["calibration_error"])),
    )


def _capture_drawn(trial: Trial, shown: Achieved) -> Markup:
    rows = trial.predictions
    weight, wrong = 1 / rows["inclusion"].to_numpy(), rows["overturned"].to_numpy(dtype=float)
    budgets = np.linspace(0, 1, 101)
    curve, best = (
        zip(budgets.tolist(), capture(score, wrong, weight, budgets).tolist(), strict=True)
        for score in (rows["overturn_probability"].to_numpy(), wrong)
    )
    return draw_capture(curve, best, shown.captures)


def calibration(trial: Trial, shown: Achieved) -> Section:
    """Return expected and found overturn rates in ten bins of equal count."""
    bins = rates_by_risk(trial.predictions)
    n = f"Ten bins of equal count, n = {shown.audits:,} audits"
    drawn = Figure(
        "Overturn rate found (upwards) by the rate expected, with 95 % intervals; square-root "
        f"axes. Dashed: both equal. {n}.",
        draw_calibration([(rate.expected, rate.found) for rate in bins]),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{number} of {len(bins)}", percent(rate.expected), spread(rate.found))
        for number, rate in enumerate(bins, start=1)
    )
    table = Table(f"{n}, the least risk first.", ("Bin", "Expected", "Found"), rows)
    return Section("Is its risk true?", figures=(drawn,), tables=(table,))


def by_segment(column: str, segments: Sequence[Segment]) -> Section:
    """Return the figures of each segment of a column, ranked and judged alone."""
    name = SEGMENT_WORDS[column]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            segment.name,
            f"{segment.audits:,}",
            f"{segment.overturns:,}",
            spread(segment.capture),
            "–" if segment.auroc is None else f"{segment.auroc:.2f}",
            percent(segment.rate.expected),
            spread(segment.rate.found),
        )
        for segment in segments
    )
    titles = ("Audits", "Overturned", f"Errors in its riskiest {_BUDGET}", "AUROC", "Expected")
    table = Table(
        f"Each {name} ranked alone. n = {sum(segment.audits for segment in segments):,} audits. "
        "Expected and found: overturn rates.",
        (name.capitalize(), *titles, "Found"),
        rows,
        note=_too_few(segments),
    )
    return Section(f"By {name}", tables=(table,))


def _too_few(segments: Sequence[Segment]) -> str:
    few = [segment.name for segment in segments if segment.auroc is None]
    if not few:
        return ""
    return (
        f"Nothing is said of how well it ranks in {len(few)} of {len(segments)}: too few audits "
        "there overturned, or upheld."
    )


def fairness(shown: Achieved) -> Section:
    """Return who is audited more than the errors warrant, and whose errors are missed."""
    tables = tuple(
        _fairness_table(name, shown.segments[name]) for name in _FAIRNESS if name in shown.segments
    )
    told = (
        f"One audit of the riskiest {_BUDGET} of all decisions: whose errors it reaches, and "
        "whether a group's share of that audit is in keeping with its share of the errors. Found "
        "over expected is above 1 where the model thinks too well of a group's decisions."
    )
    none = "Neither language, region nor team came with the data, so it could not be looked at."
    return Section("Fairness", (told if tables else none,), tables=tables)


def _fairness_table(column: str, segments: Sequence[Segment]) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            segment.name,
            f"{segment.audits:,}",
            spread(segment.caught),
            percent(segment.audits_share),
            percent(segment.errors_share),
            spread(segment.rate.ratio, share=False),
        )
        for segment in segments
    )
    name = SEGMENT_WORDS[column]
    return Table(
        f"By {name}, n = {sum(segment.audits for segment in segments):,} audits. "
        "All weighted by one over the chance of being audited.",
        (name.capitalize(), *_FAIRNESS_TITLES),
        rows,
    )


def added(families: Sequence[FamilyGain], shown: Achieved) -> Section:
    """Return what each family of features adds."""
    title = "What each family of features adds"
    if not families:
        return Section(title, ("It was not measured in this run.",))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            FAMILIES.get(gain.family, gain.family),
            f"{gain.inputs}",
            percent(gain.hidden),
            spread(gain.gain),
        )
        for gain in families
    )
    how = (
        "Each family was hidden from the trial's model when it scored, as if unknown. This is "
        "hiding, not refitting: a model that had learned without a family would lean on the "
        "others and mostly lose less, and of two families that say the same thing each alone may "
        "seem to add little."
    )
    table = Table(
        f"Errors among the riskiest {_BUDGET} of decisions; with everything known it is "
        f"{percent(shown.captures[WATCHED_BUDGET].value)}. n = {shown.audits:,} audits; intervals "
        "are of the paired difference.",
        ("Hidden", "Features known", "Errors found without", "Lost by hiding"),
        rows,
    )
    return Section(title, (how,), tables=(table,))
