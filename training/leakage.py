"""Inputs and ids that give the verdict away, and so are known too late or were made from it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from features.columns import numbers
from training.data_limits import DataLimits
from training.discrimination import (
    auroc_error,
    auroc_within,
    code_auroc,
    number_auroc,
    rates_out_of_fold,
)
from training.findings import Finding, Severity

INPUT = "leaking input"
IDENTITY = "id that predicts"
FEWEST = 10
"""Overturned audits, and others, below which nothing is said."""
_ROWS = 20_000
_PREFIX = 3
_AUDITS_A_BLOCK = 500
_CERTAIN = 4.0


def input_findings(frame: pd.DataFrame, wrong: np.ndarray, limits: DataLimits) -> Iterator[Finding]:
    """Yield the features that alone tell overturned audits from the others.

    Parameters
    ----------
    frame
        Features of audits, without the opinions, which are learned from audits themselves.
    wrong
        0 or 1, of each.
    """
    if not _enough(wrong):
        return
    for name in map(str, frame):
        area = _area(frame[name], wrong)
        severe = area >= limits.leak_auroc
        if severe or area >= limits.suspect_auroc:
            yield Finding(
                INPUT,
                name,
                Severity.SEVERE if severe else Severity.WARNING,
                seen=f"AUROC {area:.3f} by itself, on {len(wrong):,} audits, "
                f"{int(wrong.sum()):,} of them overturned",
                expected=f"less than {limits.leak_auroc if severe else limits.suspect_auroc:g}: "
                "no single input knows the verdict",
                mend="see whether it is filled in, or changed, after the decision; leave it out, "
                "or load its value as it stood when the decision was made",
            )


def _area(values: pd.Series, wrong: np.ndarray) -> float:
    if pd.api.types.is_numeric_dtype(values):
        return number_auroc(values.to_numpy(dtype=float, na_value=np.nan), wrong)
    return code_auroc(pd.factorize(values, use_na_sentinel=False)[0], wrong)


def id_findings(audited: pd.DataFrame, limits: DataLimits) -> Iterator[Finding]:
    """Yield the ids, and the order of the rows, that tell overturned audits from the others.

    Ids are compared within short periods: those that count up tell the time, and rates move with
    it. Who decided does predict; so a moderator's id is only held to the limit of inputs.

    Parameters
    ----------
    audited
        ``decided_at``, ``wrong`` (0 or 1), ``place`` of the row in the table as it came, and the
        ids that came.
    """
    rows = audited.sort_values("decided_at").tail(_ROWS)
    wrong = rows["wrong"].to_numpy()
    if not _enough(wrong):
        return
    blocks = np.arange(len(rows)) // _AUDITS_A_BLOCK
    error = auroc_error(0.5, wrong.sum(), len(wrong) - wrong.sum())
    for name in ("decision_id", "item_id", "audit_id", "moderator_id"):
        if name not in rows or rows[name].isna().all():
            continue
        limit = limits.leak_auroc if name == "moderator_id" else limits.id_auroc
        part, area = max(_parts(rows[name], wrong, blocks), key=lambda told: told[1])
        if area >= limit and area - 0.5 > _CERTAIN * error:
            yield _id_finding(name, part, area, limit)
    area = _either_way(rows["place"].to_numpy(dtype=float), wrong, blocks)
    if area >= limits.id_auroc and area - 0.5 > _CERTAIN * error:
        yield _id_finding("order of the rows", "place in the table", area, limits.id_auroc)


def _parts(ids: pd.Series, wrong: np.ndarray, blocks: np.ndarray) -> Iterator[tuple[str, float]]:
    """Yield how well each part of an id predicts."""
    text = ids.fillna("").astype("str")
    last = text.str.extract(r"(\d{1,15})\D*$", expand=False)
    tail = numbers(pd.DataFrame({"tail": last.astype("Float64")}), "tail")
    yield "its number", _either_way(np.nan_to_num(tail, nan=-1.0), wrong, blocks)
    for part, values in (
        ("its length", text.str.len()),
        (f"its first {_PREFIX} characters", text.str[:_PREFIX]),
        ("its letters", text.str.replace(r"\d+", "", regex=True)),
        ("its last character", text.str[-1:]),
    ):
        told = rates_out_of_fold(pd.factorize(values)[0], wrong)
        yield part, auroc_within(told, wrong, blocks)


def _either_way(values: np.ndarray, wrong: np.ndarray, blocks: np.ndarray) -> float:
    area = auroc_within(values, wrong, blocks)
    return max(area, 1 - area)


def _id_finding(name: str, part: str, area: float, limit: float) -> Finding:
    return Finding(
        IDENTITY,
        name,
        Severity.SEVERE,
        seen=f"AUROC {area:.3f} of {part} by itself",
        expected=f"less than {limit:g}: an id says nothing of the verdict",
        mend="see whether the rows were sorted, numbered or named after the audits were known; "
        "export them in the order of time, under the ids that they had",
    )


def _enough(wrong: np.ndarray) -> bool:
    return bool(FEWEST <= wrong.sum() <= len(wrong) - FEWEST)
