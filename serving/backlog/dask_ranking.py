"""Ranking partitioned decisions on a Dask cluster: the draw of one batch, the work on its workers.

Workers read, check and score parts, tell reasons and write the ranked parts. In this process stays
what the draw needs of every decision, some 200 bytes; it asks the store and holds the sampling key,
which no worker is told. Scores, draw and what is stored are those of `serving.backlog.ranking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from distributed import Client

from features.cluster.connection import Progress, again_if_lost, open_cluster, results
from features.cluster.survey import Surveyed, Wanted, survey, write_all_rejected
from features.contract import DECISIONS
from features.errors import BadValue, ContractError, SettingsError
from features.home import Home
from features.partitions import Reading, partitions_of
from models.kept_sums import harm_if_wrong
from models.sampling_key import uniform_numbers
from serving.backlog.asked import Asked, Keep
from serving.backlog.dask_parts import HeldParts, Scorer, hold_rows
from serving.backlog.desk import Desk, open_desk, records_of
from serving.backlog.draw import Drawn, draw_all
from serving.backlog.earlier import EarlierOffers, look_back_all
from serving.backlog.finish import Finished, reasons_in, sums_in
from serving.backlog.light import codes_of, joined, light_of, whole
from serving.backlog.output import Reasons, ranked_columns
from serving.backlog.past import past_of
from serving.backlog.ranking import RankedFile
from serving.backlog.scores import Risks
from serving.backlog.storing import keep_all, keep_selected, ledger_of


@dataclass(frozen=True, slots=True)
class _Came:
    """The rows that are ranked.

    Attributes
    ----------
    light
        Of all of them; see `serving.backlog.light.light_of`.
    lost
        What is wrong with rows whose first key is gone, by the place of their part.
    """

    parts: HeldParts
    light: pa.Table
    earlier: EarlierOffers
    lost: dict[int, list[BadValue]]


def rank_backlog_dask(
    home: Home,
    asked: Asked,
    *,
    scheduler: str | None,
    progress: Progress = lambda _: None,
) -> RankedFile:
    """Rank partitioned decisions on a cluster, a part for each; see `serving.backlog.ranking`.

    Parameters
    ----------
    asked
        Of a folder of Parquet files, or one, which is taken by its row groups. The workers read it
        under its path, and the home too. The ranked parts are each in the order of rank.
    scheduler
        As `features.cluster.connection.open_cluster`.

    Raises
    ------
    ContractError, HomeError, StoreError
        As `serving.backlog.ranking.rank_file`.
    SettingsError, ServiceError
        If the cluster cannot be used; see `features.cluster.connection`.
    """
    if asked.to.suffix:
        raise SettingsError(
            f"--to {str(asked.to)!r}: saw the name of a file; expected that of a folder"
        )
    desk = open_desk(home, asked)
    with open_cluster(scheduler) as client:
        return again_if_lost(lambda: _rank(client, desk, progress), progress)


def _rank(client: Client, desk: Desk, progress: Progress) -> RankedFile:
    asked = desk.asked
    surveyed = survey(
        client,
        partitions_of(asked.path),
        Reading(DECISIONS, desk.columns, pseudonym_key=desk.home.pseudonym_key()),
        Wanted(keep=light_of, hold=hold_rows),
        skip_bad=asked.skip_bad,
        progress=progress,
    )
    came = _came(client, surveyed, desk, progress)
    scorer, risks = _scored(client, came, desk, progress)
    progress("selecting")
    ids = whole(came.light["decision_id"])
    uniform = uniform_numbers(ids, desk.keys.current)
    numbers = came.earlier.numbers(ids, uniform, desk.keys)
    drawn = draw_all(
        came.light, risks, numbers=numbers, again=came.earlier.selected, terms=desk.terms
    )
    finished = scorer.finish(drawn, _harm(came, risks, asked.keep), progress)
    reasons = reasons_in(finished)
    written = _write(came, drawn, reasons, asked.to, progress)
    progress("storing")
    conflicts = _stored(desk, came, drawn, finished)
    if conflicts:
        left_out = np.array([bad.row for bad in conflicts])
        written = _write(came, drawn, reasons, asked.to, progress, left_out=left_out)
    for part in written:
        part.replace(part.with_name(part.name.removeprefix(".").removesuffix(".part")))
    return _told(client, came, drawn, conflicts)


def _came(client: Client, surveyed: Surveyed, desk: Desk, progress: Progress) -> _Came:
    """Leave out what came before and decisions whose first key is gone."""
    kept = [surveyed.good(place) for place in range(len(surveyed.parts))]
    parts = HeldParts.of(client, surveyed, kept)
    light = joined(
        [
            seen.kept.filter(pa.array(rows))
            for seen, rows in zip(surveyed.seen, kept, strict=True)
            if rows.any()
        ]
    )
    progress("looking for earlier offers")
    earlier = look_back_all(light, store=desk.store, keys=desk.keys)
    if not earlier.lost:
        return _Came(parts, light, earlier, {})
    lost = parts.by_part(earlier.lost, light)
    if not desk.asked.skip_bad or len(earlier.lost) == len(light):
        raise ContractError(DECISIONS.name, parts.placed(lost))
    gone = [bad.row for bad in earlier.lost]
    stay = np.delete(np.arange(len(light)), gone)
    left = parts.without(gone)
    return _Came(left, light.take(pa.array(stay)).combine_chunks(), earlier.without(gone), lost)


def _scored(client: Client, came: _Came, desk: Desk, progress: Progress) -> tuple[Scorer, Risks]:
    settings = desk.published.bundle.record_settings
    progress("track records")
    records = records_of(desk)
    progress("earlier looks and work")
    past = past_of(came.light, desk.store, settings)
    scorer = Scorer.of(client, came.parts, desk, records, past)
    return scorer, scorer.risks(progress)


def _harm(came: _Came, risks: Risks, keep: Keep) -> np.ndarray | None:
    """Return the harm of each decision if it is wrong, where sums are taken of it."""
    if keep is Keep.ALL:
        return None
    policy = codes_of(came.light, "policy").astype(np.int64)
    return harm_if_wrong(risks.expected_harm, risks.overturn_probability, policy)


def _write(
    came: _Came,
    drawn: Drawn,
    reasons: Reasons,
    to: Path,
    progress: Progress,
    *,
    left_out: np.ndarray | None = None,
) -> list[Path]:
    """Let the workers write the ranked parts beside their places; return where they are."""
    to.mkdir(parents=True, exist_ok=True)
    futures = []
    for number, span in enumerate(came.parts.spans):
        rows = np.arange(span.start, span.stop)
        rows = rows if left_out is None else np.setdiff1d(rows, left_out)
        rows = rows[np.argsort(drawn.selection.rank[rows], kind="stable")]
        futures.append(came.parts.write(number, ranked_columns(drawn, rows, reasons), to))
    return results(futures, told="writing", progress=progress)


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The decisions of the parts in turn, labelled by their position; brought one at a time."""

    parts: HeldParts

    def __iter__(self) -> Iterator[pd.DataFrame]:
        for number, span in enumerate(self.parts.spans):
            rows = self.parts.rows(number)
            yield rows.set_axis(pd.RangeIndex(span.start, span.stop))


def _stored(
    desk: Desk, came: _Came, drawn: Drawn, finished: Sequence[Finished]
) -> tuple[BadValue, ...]:
    ledger = ledger_of(desk, drawn)
    if desk.asked.keep is Keep.ALL:
        return keep_all(ledger, _Labelled(came.parts), stored=came.earlier.stored)
    return keep_selected(ledger, [each.chosen for each in finished], sums_in(finished))


def _told(client: Client, came: _Came, drawn: Drawn, conflicts: Sequence[BadValue]) -> RankedFile:
    late = {place: [*own] for place, own in came.lost.items()}
    for place, own in came.parts.by_part(conflicts, came.light).items():
        late.setdefault(place, []).extend(own)
    files = write_all_rejected(client, came.parts.surveyed, late)
    refused = (*came.parts.surveyed.refused, *came.parts.placed(late))
    left = np.setdiff1d(drawn.selected, [bad.row for bad in conflicts])
    where = None if not files else files[0] if len(files) == 1 else files[0].parent
    return RankedFile(len(drawn) - len(conflicts), len(left), refused, where)
