"""The figures of `monitoring.dsa` as files: a table, its method, and the template's own rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from monitoring.dsa import ALL, MAKERS, OFFICIAL_LANGUAGES
from monitoring.exports import write_table
from monitoring.period import Period
from monitoring.wording import between, count, percent

TABLE, METHOD, TEMPLATE = "dsa.csv", "dsa_method.txt", "dsa_automated_means.csv"
_SECTION = "Use of automated means for content moderation"
_INDICATORS = ("accuracy", "precision", "recall")


def write_dsa(table: pd.DataFrame, folder: Path, *, period: Period) -> list[Path]:
    """Write the figures, their method, and those of automated means in the template's rows.

    Parameters
    ----------
    table
        As of `monitoring.dsa.dsa_table`.

    Returns
    -------
    list of Path
        ``dsa.csv``, ``dsa_method.txt`` and ``dsa_automated_means.csv``.
    """
    method = folder / METHOD
    method.write_text(method_note(period), encoding="utf-8")
    template = template_rows(table, period=period)
    values = [_as_text(value) for value in template["Value"]]
    return [
        write_table(table, folder / TABLE),
        method,
        write_table(template.assign(Value=values), folder / TEMPLATE),
    ]


def template_rows(table: pd.DataFrame, *, period: Period) -> pd.DataFrame:
    """Return the rows of Annex I, part 8, of Implementing Regulation (EU) 2024/2835 known here.

    Of all decisions (scope ``Total number``), and of each official language of the Member States.
    The name of the service is left to be filled in, as are notices and own initiative, which
    decisions do not tell apart.
    """
    span = f"{period.decided_from:%Y-%m-%d}/{period.decided_until:%Y-%m-%d}"
    languages = [ALL, *sorted(set(table["language"]) & set(OFFICIAL_LANGUAGES))]
    cells = {
        (str(row["language"]), str(row["decided_by"])): row for row in table.to_dict("records")
    }
    rows = [
        {
            "Applicability": "All" if language == ALL else "Only for VLOPs",
            "Service": "",
            "Reporting period": span,
            "Section": _SECTION,
            "Indicator": indicator,
            "Scope": "Total number" if language == ALL else language,
            "Value": value,
            "Contextual Information": context,
        }
        for language in languages
        for indicator, value, context in _indicators(cells, language)
    ]
    return pd.DataFrame(rows, dtype=object)


def method_note(period: Period) -> str:
    """Return how the figures are made, in words, for the file beside them."""
    return _METHOD.format(
        decided_from=f"{period.decided_from:%Y-%m-%d}",
        decided_until=f"{period.decided_until:%Y-%m-%d}",
        ranked_from=f"{period.ranked_from:%Y-%m-%d}",
        ranked_until=f"{period.ranked_until:%Y-%m-%d}",
    )


_Cells = dict[tuple[str, str], dict[object, object]]


def _indicators(cells: _Cells, language: str) -> list[tuple[str, object, str]]:
    automated = cells.get((language, MAKERS[0]))
    people = cells.get((language, MAKERS[1]))
    counts = [
        ("Number of measures solely taken by automated means", automated),
        ("Number of measures not taken by automated means", people),
    ]
    measures: list[tuple[str, object, str]] = [
        (words, 0 if row is None else row["measures"], "") for words, row in counts
    ]
    return measures + [
        (
            f"Accuracy of the automated means - {name.capitalize()}",
            None if automated is None else automated[name],
            _context(automated, name),
        )
        for name in _INDICATORS
    ]


def _context(row: dict[object, object] | None, name: str) -> str:
    if row is None:
        return "No automated decision."
    counts = (
        f"{count(_number(row['audits']))} audits of {count(_number(row['decisions']))} decisions"
    )
    if pd.isna(_number(row[name])):
        return f"Not told: too few audits, or no action is ranked; {counts}."
    low, high = _number(row[f"{name}_low"]), _number(row[f"{name}_high"])
    figure = percent(_number(row[name]))
    return f"{figure}, 95 % interval {between(low, high)}; estimated from {counts}."


def _as_text(value: object) -> str:
    """Return a count whole and a share unrounded, as one column holds both."""
    number = _number(value)
    if pd.isna(number):
        return ""
    return f"{number:.0f}" if isinstance(value, int) else repr(number)


def _number(value: object) -> float:
    return float("nan") if value is None else float(str(value))


_METHOD = """\
How the figures in dsa.csv and dsa_automated_means.csv are made

Period: decisions made from {decided_from} to {decided_until} (UTC, both days included), ranked for
audit from {ranked_from} to {ranked_until}.

Shares are 0 to 1. *_low and *_high bound the 95 % interval. An empty figure: too few audits;
audits_needed says about how many more the accuracy needs.

decisions: decisions in scope. measures: those that did more than leave up (action_rank above 0).
audits: finished audits of decisions that were selected with a known chance.

accuracy: share of decisions that an audit upholds. error_rate: 1 - accuracy. Over- and
under-enforcement: acted and should not have; should have acted, or more strictly. Acting by the
wrong policy or measure is an error too. A technical error (right on what was shown) is none.
precision: share of measures that were due. recall: share of what was due a measure that got one.

Estimated from audits picked partly by risk and partly by chance: the probability that a model gives
each decision, summed over all of them, corrected by what the audits found, each counted by one over
its chance of being audited (difference estimator). No figure rests on the model being right.

automation: no moderator is named. people: one is. Languages are those of the items; official
languages of the Member States are put under their codes. A decision without a language is in the
rows of all languages only.

reversed_on_audit: audits that overturned the decision. appeals, reversed_on_appeal: decisions of
the period appealed so far, and of these the overturned ones. These are counts. Those who appeal
choose themselves, so nothing is estimated from appeals.

Auditors err too; second reviews correct for it in the report, not here. The audits speak of what
was ranked; what was never offered for ranking is in no figure.
"""
