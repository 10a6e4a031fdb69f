"""Which second reviews are looked at a third time, and the looks that came back.

A third look is an outcome with the source ``review`` that supersedes the review and keeps its
chance; its id is that of the review with ``/third`` after it. Nothing of the review is rewritten.
The chance of the look follows from the two verdicts, so that it need not be stored.
"""

from __future__ import annotations

import pandas as pd

from models.sampling_key import SamplingKey, uniform_numbers
from models.third_looks import third_look_chances

_THIRD = "/third"
_NAMES = [
    *("audit_id", "decision_id", "verdict"),
    *("auditor_id", "source", "inclusion_probability"),
]


def draw_third_looks(outcomes: pd.DataFrame, key: SamplingKey) -> pd.DataFrame:
    """Return the reviews that somebody else should look at again, blind, and that nobody has yet.

    Drawn by keyed numbers of the reviews' own ids, so that the list may be asked for daily.

    Parameters
    ----------
    outcomes
        Those that stand.

    Returns
    -------
    Columns ``decision_id``, ``audit_id`` (of the third look to come), ``supersedes`` (the review)
    and ``inclusion_probability``, all to be sent back with the outcome, whose source is ``review``.
    Who audited or reviewed must not be who looks. No verdict is told.
    """
    pairs = _reviews_with_audits(outcomes)
    pairs = pairs[~pairs["audit_id"].str.endswith(_THIRD)]
    chance = third_look_chances(pairs["verdict_first"].to_numpy(), pairs["verdict"].to_numpy())
    number = uniform_numbers([f"third\x1f{each}" for each in pairs["audit_id"]], key)
    drawn = pairs[number < chance]
    return pd.DataFrame(
        {
            "decision_id": drawn["decision_id"],
            "audit_id": drawn["audit_id"] + _THIRD,
            "supersedes": drawn["audit_id"],
            "inclusion_probability": drawn["inclusion_probability"],
        }
    ).reset_index(drop=True)


def third_looks_of(every: pd.DataFrame) -> pd.DataFrame:
    """Return the third looks that were made, beside what they looked at.

    Parameters
    ----------
    every
        All outcomes, also the superseded ones.

    Returns
    -------
    Columns ``decision_id``, ``second`` and ``third`` (verdicts), ``inclusion_probability`` (of the
    review) and ``look_probability``; those by the reviewer or the first auditor are left out.
    """
    given = every.reindex(columns=[*_NAMES, "supersedes"])
    thirds = given[given["audit_id"].str.endswith(_THIRD) & (given["source"] == "review")]
    own = thirds.assign(supersedes=thirds["audit_id"].str.removesuffix(_THIRD).astype("str"))
    pairs = _reviews_with_audits(given[~given["audit_id"].isin(thirds["audit_id"])])
    found = own.merge(pairs, left_on="supersedes", right_on="audit_id", suffixes=("_third", ""))
    known = found["auditor_id_third"].notna()
    same = (found["auditor_id_third"] == found["auditor_id"]) | (
        found["auditor_id_third"] == found["auditor_id_first"]
    )
    found = found[~(known & same)]
    first, second = (found[name].to_numpy() for name in ("verdict_first", "verdict"))
    return pd.DataFrame(
        {
            "decision_id": found["decision_id"],
            "second": second,
            "third": found["verdict_third"],
            "inclusion_probability": found["inclusion_probability"],
            "look_probability": third_look_chances(first, second),
        }
    ).reset_index(drop=True)


def _reviews_with_audits(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return each review with the audit of its decision, as columns with ``_first``."""
    given = outcomes.reindex(columns=_NAMES)
    audits = given[given["source"].fillna("audit") == "audit"]
    audits = audits.drop_duplicates("decision_id", keep="last")
    reviews = given[given["source"] == "review"].drop_duplicates("decision_id", keep="last")
    return reviews.merge(audits, on="decision_id", suffixes=("", "_first"))
