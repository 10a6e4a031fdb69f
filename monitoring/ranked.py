"""What was ranked in a period, one row a decision, with what its audit found.

A decision may be offered several times. It keeps its random number, so that it could be audited if
its chance was ever large enough: its inclusion probability is the largest over its offers, and it
was selected if it ever was. Only audits of selected decisions enter a figure; an audit that
somebody made beside the selection has no known chance, and is counted but left out.

Not every selected decision is audited. Within a policy and third of risk, those that were not are
taken to be like those that were, and the chance is lowered by the share that was finished
(`models.nonresponse`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.errors import HomeError
from features.joined import all_differ, places
from features.ranked_offers import OFFER_COLUMNS, ranked_offers
from features.store import Store
from models.estimate import AuditedFrame
from models.nonresponse import ASSUMPTION, Nonresponse, adjust_for_nonresponse
from monitoring.kept.days import require_rows, rows_of_whole_days
from monitoring.labels import labels_of

_LARGEST = ("inclusion_probability", "selected", "random_audit")


@dataclass(frozen=True, slots=True)
class Ranked:
    """Decisions ranked in a period.

    Attributes
    ----------
    table
        A row a decision: scores of its latest offer, ``inclusion_probability`` (the largest),
        ``selected``, ``random_audit``, ``selected_at``, columns of the contract, ``decided_by``
        (``people`` or ``automation``), ``audited``, ``verdict`` and ``overturned`` (1 or 0, null
        where not audited), ``finished_share`` (of the selected decisions of its policy and third
        of risk, above 0 to 1).
    audits_beside
        Audits of decisions that were ranked but not selected; no figure counts them.
    nonresponse
        What became of the selected audits, and what is assumed of the unfinished ones.
    """

    table: pd.DataFrame
    audits_beside: int
    nonresponse: Nonresponse

    @property
    def selected(self) -> int:
        """Number of decisions selected for audit."""
        return int(self.table["selected"].sum())

    @property
    def audits(self) -> int:
        """Number of selected decisions whose audit is finished."""
        return int(self.table["audited"].sum())

    @property
    def unfinished(self) -> int:
        """Number of selected decisions without an audit: the nonresponse."""
        return self.selected - self.audits

    def audited_frame(self, direction: str | None = None) -> AuditedFrame:
        """Return the frame that `models.estimate` reads, of all overturns or of one direction."""
        table = self.table
        overturned = table["overturned"].to_numpy(dtype=float)
        if direction is not None:
            hit = (table["verdict"] == direction).to_numpy(dtype=bool, na_value=False)
            overturned = np.where(table["audited"], hit.astype(float), np.nan)
        chance = table["inclusion_probability"] * table["finished_share"]
        return AuditedFrame(
            overturn_probability=table[direction or "overturn_probability"].to_numpy(dtype=float),
            inclusion_probability=chance.to_numpy(dtype=float),
            audited=table["audited"].to_numpy(dtype=bool),
            overturned=overturned,
        )


@dataclass(frozen=True, slots=True)
class History:
    """What a period's figures are made from.

    Attributes
    ----------
    ranked
        The period.
    earlier
        What the same model versions ranked before it and not in it again, to recalibrate the risk
        on; null where there is nothing.
    before
        Every offer made before the period with its decision, as of
        `features.ranked_offers.ranked_offers`; empty where the period begins with the first.
    outcomes
        All that the store holds, of any time.
    store
        Where all of it comes from.
    """

    ranked: Ranked
    earlier: Ranked | None
    before: pd.DataFrame
    outcomes: pd.DataFrame
    store: Store

    @property
    def decisions(self) -> pd.DataFrame:
        """All decisions that the store holds, of any time: read whenever they are asked for."""
        return self.store.decisions()


def read_history(
    store: Store, *, since: datetime | None = None, until: datetime | None = None
) -> History:
    """Read what was ranked with ``since <= selected_at < until``, and what went before it.

    Raises
    ------
    HomeError
        If nothing was ranked in the period, or of one of its days only sums are kept.
    """
    require_rows(store, since=since, until=until)
    offers = ranked_offers(store, since=since, until=until)
    if offers.empty:
        raise HomeError(
            f"report: no decision was ranked {_period_in_words(since, until)}; rank decisions "
            "first (`secondlook rank`, or POST /v1/rank), or choose another period"
        )
    before = offers.iloc[:0] if since is None else ranked_offers(store, until=since)
    before = rows_of_whole_days(store, before)
    return _history(store, offers, before, store.outcomes())


def earlier_period(history: History, *, since: datetime, until: datetime) -> History | None:
    """Return what was ranked in a period before that of a history.

    Null where nothing was, or none of it is audited.
    """
    when = history.before["selected_at"]
    inside = history.before[(when >= since) & (when < until)]
    if inside.empty:
        return None
    before = history.before[when < since]
    found = _history(history.store, inside, before, history.outcomes)
    return found if found.ranked.audits else None


def _history(
    store: Store, offers: pd.DataFrame, before: pd.DataFrame, outcomes: pd.DataFrame
) -> History:
    ranked = join_audits(offers, outcomes)
    earlier = None
    if len(before):
        same_model = before["model_version"].isin(offers["model_version"].unique().astype(str))
        again = places(before["decision_id"], offers["decision_id"]) >= 0
        known = before[same_model & ~again]  # a decision's own audit must not foretell it
        earlier = None if known.empty else join_audits(known, outcomes)
    return History(ranked, earlier, before, outcomes, store)


def join_ranked(
    selections: pd.DataFrame, decisions: pd.DataFrame, outcomes: pd.DataFrame
) -> Ranked:
    """Join offers with the decisions they are of and the audits made of them.

    Examples
    --------
    >>> offers = pd.DataFrame({"selection_id": [1, 2], "decision_id": ["d", "d"],
    ...     "selected_at": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True),
    ...     "over_enforcement": [.1, .2], "under_enforcement": [0., 0.],
    ...     "wrong_selection": [0., 0.], "overturn_probability": [.1, .2],
    ...     "expected_harm": [.1, .2], "plan_version": ["p", "p"], "model_version": ["1", "1"],
    ...     "inclusion_probability": [.6, .4], "selected": [True, False],
    ...     "random_audit": [False, False]})
    >>> decisions = pd.DataFrame({"decision_id": ["d"], "policy": ["spam"]})
    >>> outcomes = pd.DataFrame({"decision_id": ["d"], "verdict": ["correct"],
    ...     "audited_at": pd.to_datetime(["2026-01-03"], utc=True)})
    >>> ranked = join_ranked(offers, decisions, outcomes)
    >>> row = ranked.table.iloc[0]
    >>> float(row["inclusion_probability"]), bool(row["selected"]), float(row["overturned"])
    (0.6, True, 0.0)
    """
    own = selections[[name for name in OFFER_COLUMNS if name in selections]]
    offers = own.merge(decisions, on="decision_id", how="left", validate="many_to_one")
    return join_audits(offers, outcomes)


def join_audits(offers: pd.DataFrame, outcomes: pd.DataFrame) -> Ranked:
    """Join offers that come with their decisions, as of `ranked_offers`, with the audits made."""
    table = _with_own_categories(_one_row_a_decision(offers))
    audits = latest_findings(outcomes, "audit")
    found = places(table["decision_id"], audits["decision_id"])
    selected = table["selected"].to_numpy(dtype=bool)
    audited = (found >= 0) & selected
    verdict = pd.Categorical(audits["verdict"]).take(np.where(audited, found, -1), allow_fill=True)
    table = table.assign(
        audited=audited,
        verdict=verdict,
        overturned=np.where(audited, verdict.isin(DIRECTIONS), np.nan),
        decided_by=_decided_by(table),
    )
    return ranked_of(table, int(((found >= 0) & ~selected).sum()))


def ranked_of(table: pd.DataFrame, audits_beside: int = 0) -> Ranked:
    """Return a joined table with the shares of audits that were finished.

    Parameters
    ----------
    table
        As of `Ranked`, ``finished_share`` not needed.
    """
    selected = table["selected"].to_numpy(dtype=bool)
    frame = AuditedFrame(
        overturn_probability=table["overturn_probability"].to_numpy(dtype=float),
        inclusion_probability=np.ones(len(table)),
        audited=table["audited"].to_numpy(dtype=bool),
        overturned=table["overturned"].to_numpy(dtype=float),
    )
    if not frame.audited.any():  # nothing is estimated, so that nothing needs to be adjusted
        risk = float(frame.overturn_probability[selected].mean()) if selected.any() else np.nan
        assumption = ASSUMPTION if selected.any() else ""
        nothing = Nonresponse(int(selected.sum()), 0, np.nan, risk, assumption)
        return Ranked(table.assign(finished_share=1.0), audits_beside, nothing)
    adjusted, report = adjust_for_nonresponse(frame, selected, labels_of(table["policy"]))
    table = table.assign(finished_share=adjusted.inclusion_probability)
    return Ranked(table, audits_beside, report)


def latest_findings(outcomes: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the latest outcome of each decision from one source; a null source is an audit."""
    if "source" in outcomes:
        outcomes = outcomes[outcomes["source"].fillna("audit") == source]
    elif source != "audit":
        outcomes = outcomes.iloc[:0]
    ordered = outcomes.sort_values("audited_at", kind="stable")
    return ordered.drop_duplicates("decision_id", keep="last")


def _one_row_a_decision(offers: pd.DataFrame) -> pd.DataFrame:
    """Keep the latest offer of each decision, with the largest over all its offers."""
    if not offers["selection_id"].is_monotonic_increasing:
        offers = offers.sort_values("selection_id", kind="stable")
    ids = offers["decision_id"]
    table = offers.drop(columns="selection_id").reset_index(drop=True)
    if all_differ(ids):
        return table
    codes, distinct = pd.factorize(ids)
    last = np.zeros(len(distinct), dtype=np.int64)
    np.maximum.at(last, codes, np.arange(len(codes)))
    rows = np.sort(last)
    largest = {name: _largest(codes, table[name].to_numpy())[codes[rows]] for name in _LARGEST}
    return table.iloc[rows].reset_index(drop=True).assign(**largest)


def _largest(codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the largest value of each code; values are 0 or above."""
    found = np.zeros(int(codes.max()) + 1, dtype=values.dtype)
    np.maximum.at(found, codes, values)
    return found


def _with_own_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Drop categories that only other decisions have."""
    coded = [str(name) for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.assign(**{name: table[name].cat.remove_unused_categories() for name in coded})


def _decided_by(table: pd.DataFrame) -> pd.Categorical:
    automated = np.ones(len(table), dtype=bool)
    if "moderator_id" in table:
        moderator = table["moderator_id"]
        automated = (moderator.isna() | (moderator == "")).to_numpy(dtype=bool)
    names: Any = pd.CategoricalDtype(["automation", "people"])
    return pd.Categorical.from_codes((~automated).astype(np.int8), dtype=names)


def _period_in_words(since: datetime | None, until: datetime | None) -> str:
    parts: Iterable[str] = (
        f"{word} {time:%Y-%m-%d %H:%M}"
        for word, time in (("from", since), ("until", until))
        if time is not None
    )
    return " ".join(parts) or "yet"
