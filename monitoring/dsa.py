"""Accuracy and error of human and automated decisions by language, as transparency reports ask.

The Digital Services Act (Regulation (EU) 2022/2065) asks for "indicators of the accuracy and the
possible rate of error of the automated means", Article 15(1)(e), and of very large platforms for
the same by official language of the Member States, Article 42(2)(c). The Commission's template
(Implementing Regulation (EU) 2024/2835, Annex I, part 8) names accuracy, precision and recall. This
module makes those of automated decisions, and the same of people's, from the audits of a period. It
makes figures, and no claim that they are all that the law asks for.

Rates come from `models.estimate`. Reversals are counts: on audit, and apart from them on appeal.
Those who appeal choose themselves, so appeals enter no estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from models.arrays import Flags, Floats, Positions, Texts, total_by
from models.estimate import Estimate, estimate_by
from monitoring.labels import labels_of
from monitoring.period import Period
from monitoring.ranked import latest_findings
from monitoring.recalibrated import Recalibrated
from monitoring.standing import LEVEL

ALL = "all"
OFFICIAL_LANGUAGES = {
    **{"bg": "bulgarian", "cs": "czech", "da": "danish", "de": "german", "el": "greek"},
    **{"en": "english", "es": "spanish", "et": "estonian", "fi": "finnish", "fr": "french"},
    **{"ga": "irish", "hr": "croatian", "hu": "hungarian", "it": "italian", "lt": "lithuanian"},
    **{"lv": "latvian", "mt": "maltese", "nl": "dutch", "pl": "polish", "pt": "portuguese"},
    **{"ro": "romanian", "sk": "slovak", "sl": "slovenian", "sv": "swedish"},
}
"""Of the Member States (Regulation No 1 of 1958, as amended): code and English name."""
MAKERS = ("automation", "people")
_CODES = {name: code for code, name in OFFICIAL_LANGUAGES.items()}


def dsa_table(
    recalibrated: Recalibrated, outcomes: pd.DataFrame, *, period: Period
) -> pd.DataFrame:
    """Return the figures of a period by language and by who decided.

    Parameters
    ----------
    outcomes
        All that the store holds; appeals of the period's decisions are counted from it.
    period
        Dates the rows.

    Returns
    -------
    pd.DataFrame
        A row for everything, for each maker (``automation``, ``people``), for each language, and
        for each language and maker. Columns: ``period_from``, ``period_until`` (of the decisions,
        dates in UTC), ``language``, ``official_eu_language``, ``decided_by``; ``decisions``,
        ``measures`` (decisions that acted, null where no action has a rank), ``audits``;
        ``accuracy``, ``error_rate``, ``over_enforcement_rate``, ``under_enforcement_rate``,
        ``precision`` and ``recall`` with ``_low`` and ``_high`` of the 95 % interval, 0 to 1, null
        with too few audits; ``audits_needed``; ``reversed_on_audit``, ``appeals`` and
        ``reversed_on_appeal`` (counts). Decisions without a language are in the rows of all
        languages only.
    """
    table = recalibrated.table
    appeals = _appeals(table, outcomes)
    acted = _acted(table)
    rows = [
        row
        for scope in _scopes(table)
        for row in _rows(recalibrated, scope, acted=acted, appeals=appeals)
    ]
    dated = {
        "period_from": f"{period.decided_from:%Y-%m-%d}",
        "period_until": f"{period.decided_until:%Y-%m-%d}",
    }
    return pd.DataFrame([{**dated, **row} for row in rows])


def official_code(language: str) -> str:
    """Return the code of an official language of the Member States; any other as it is.

    Examples
    --------
    >>> [official_code(name) for name in ("pt-BR", "German", "da", "hi", "zh_Hans")]
    ['pt', 'de', 'da', 'hi', 'zh_Hans']
    """
    first = language.replace("_", "-").split("-")[0].strip().lower()
    code = _CODES.get(first, first)
    return code if code in OFFICIAL_LANGUAGES else language


@dataclass(frozen=True, slots=True)
class _Scope:
    """One way to divide the decisions: the column that recalibrates it, and the part of each."""

    column: str | None
    codes: Positions
    parts: tuple[tuple[str, str], ...]

    def labels(self, side: Flags | None = None) -> Texts:
        """Return the number of each decision's part, null where it has none; doubled by `side`."""
        numbers = self.codes if side is None else 2 * self.codes + side
        labels = numbers.astype(object)
        labels[self.codes < 0] = None
        return labels


@dataclass(frozen=True, slots=True)
class _Appeals:
    """Decisions that were appealed, and of these the reversed ones."""

    made: Flags
    reversed: Flags


def _scopes(table: pd.DataFrame) -> Iterator[_Scope]:
    rows = len(table)
    maker = (table["decided_by"] == MAKERS[1]).to_numpy().astype(np.int64)
    yield _Scope(None, np.zeros(rows, dtype=np.int64), ((ALL, ALL),))
    yield _Scope("decided_by", maker, tuple((ALL, name) for name in MAKERS))
    if "language" not in table or not table["language"].notna().any():
        return
    raw, labels = pd.factorize(labels_of(table["language"]))
    merged, names = pd.factorize(np.array([official_code(str(x)) for x in labels], dtype=object))
    codes = np.where(raw < 0, -1, merged[raw]).astype(np.int64)
    yield _Scope("language", codes, tuple((str(name), ALL) for name in names))
    both = np.where(codes < 0, -1, 2 * codes + maker)
    yield _Scope("language", both, tuple((str(name), by) for name in names for by in MAKERS))


def _rows(
    recalibrated: Recalibrated, scope: _Scope, *, acted: Flags | None, appeals: _Appeals
) -> Iterator[dict[str, object]]:
    error, over, under = (
        _estimates(recalibrated, kind, scope)
        for kind in (None, "over_enforcement", "under_enforcement")
    )
    detected = {} if acted is None else _detection(recalibrated, scope, acted)
    measures = None if acted is None else _count(scope, acted)
    made, reversals = (_count(scope, flags) for flags in (appeals.made, appeals.reversed))
    order = sorted(error, key=lambda n: (-error[n].decisions, scope.parts[n]))
    for number in order:
        language, decided_by = scope.parts[number]
        yield {
            "language": language,
            "official_eu_language": language in OFFICIAL_LANGUAGES if language != ALL else None,
            "decided_by": decided_by,
            "decisions": error[number].decisions,
            "measures": None if measures is None else int(measures[number]),
            "audits": error[number].audits,
            **_accuracy(error[number]),
            **_rate("error_rate", error[number]),
            **_rate("over_enforcement_rate", over[number]),
            **_rate("under_enforcement_rate", under[number]),
            **detected.get(number, _named("precision") | _named("recall")),
            "audits_needed": error[number].audits_needed,
            "reversed_on_audit": error[number].overturns,
            "appeals": int(made[number]),
            "reversed_on_appeal": int(reversals[number]),
        }


def _estimates(
    recalibrated: Recalibrated, kind: str | None, scope: _Scope, side: Flags | None = None
) -> dict[int, Estimate]:
    frame = recalibrated.frame(direction=kind, column=scope.column)
    found = estimate_by(frame, scope.labels(side), level=LEVEL)
    return {int(estimate.domain): estimate for estimate in found}


def _detection(
    recalibrated: Recalibrated, scope: _Scope, acted: Flags
) -> dict[int, dict[str, float | None]]:
    """Return precision and recall of each part, as of finding what breaks a policy.

    Precision is the share of measures that were due. Recall is the share of what was due a measure
    that got one: due and acted on, over that and what was wrongly left up. Its interval takes both
    parts at their bounds at once, so it holds at least as often as 95 %.
    """
    wrongly_acted = _estimates(recalibrated, "over_enforcement", scope, acted)
    wrongly_left = _estimates(recalibrated, "under_enforcement", scope, acted)
    return {
        number: _precision(wrongly_acted.get(2 * number + 1))
        | _recall(wrongly_acted.get(2 * number + 1), wrongly_left.get(2 * number))
        for number in range(len(scope.parts))
    }


def _precision(acted: Estimate | None) -> dict[str, float | None]:
    if acted is None or not _enough(acted):
        return _named("precision")
    return _named("precision", acted.accuracy, acted.accuracy_low, acted.accuracy_high)


def _recall(acted: Estimate | None, left: Estimate | None) -> dict[str, float | None]:
    if acted is None or left is None or not (_enough(acted) and _enough(left)):
        return _named("recall")
    shares = [
        _share(acted.decisions * (1 - wrong), left.decisions * missed)
        for wrong, missed in (
            (acted.overturn_rate, left.overturn_rate),
            (acted.high, left.high),
            (acted.low, left.low),
        )
    ]
    return _named("recall", *shares)


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest > 0 else None


def _accuracy(estimate: Estimate) -> dict[str, float | None]:
    if not _enough(estimate):
        return _named("accuracy")
    return _named("accuracy", estimate.accuracy, estimate.accuracy_low, estimate.accuracy_high)


def _rate(name: str, estimate: Estimate) -> dict[str, float | None]:
    if not _enough(estimate):
        return _named(name)
    return _named(name, estimate.overturn_rate, estimate.low, estimate.high)


def _named(
    name: str, figure: float | None = None, low: float | None = None, high: float | None = None
) -> dict[str, float | None]:
    return {name: figure, f"{name}_low": low, f"{name}_high": high}


def _enough(estimate: Estimate) -> bool:
    return bool(estimate.audits) and not estimate.audits_needed


def _acted(table: pd.DataFrame) -> Flags | None:
    """Mark the decisions that did more than leave up; null where some action has no rank."""
    if "action_rank" not in table or table["action_rank"].isna().any():
        return None
    return np.asarray(table["action_rank"].to_numpy(dtype=float) > 0)


def _appeals(table: pd.DataFrame, outcomes: pd.DataFrame) -> _Appeals:
    appeals = latest_findings(outcomes, "appeal")
    reversed_ones = appeals.loc[appeals["verdict"].isin(DIRECTIONS), "decision_id"]
    return _Appeals(
        table["decision_id"].isin(appeals["decision_id"]).to_numpy(dtype=bool),
        table["decision_id"].isin(reversed_ones).to_numpy(dtype=bool),
    )


def _count(scope: _Scope, flags: Flags) -> Floats:
    rows = flags & (scope.codes >= 0)
    return total_by(scope.codes[rows], np.ones(int(rows.sum())), len(scope.parts))
