"""The parts of a backlog on the workers of a cluster: held there, scored, told and written.

What a task is given is apart from any log: rows of decisions are never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, Future

from features.cluster.connection import Progress, results, sent
from features.cluster.survey import Surveyed
from features.errors import BadValue, BundleError
from features.home import Home
from features.partitions import placed
from features.track_record import TrackRecord
from models.arrays import Flags, Floats
from models.bundle import Bundle, load_bundle
from models.compiled import compiled_folder, with_compiled
from serving.backlog.desk import Desk
from serving.backlog.draw import Drawn
from serving.backlog.finish import Finish, Finished
from serving.backlog.output import TEXT_COLUMNS
from serving.backlog.scores import Risks, score_part

_FEW_KINDS = (
    *("policy", "action", "moderator_id", "moderator_team", "site", "language", "region"),
    *("content_type", "source", "queue", "policy_version"),
)


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Decisions of a part, on a worker."""

    rows: pd.DataFrame = field(repr=False)


def hold_rows(decisions: pd.DataFrame) -> HeldRows:
    """Return decisions as they are held: texts of few kinds as categories."""
    coded = [name for name in _FEW_KINDS if name in decisions]
    return HeldRows(decisions.astype(dict.fromkeys(coded, "category")))


@dataclass(frozen=True, slots=True)
class HeldParts:
    """The parts of a backlog that have rows, and where each lies in it.

    Attributes
    ----------
    places
        Of each, its place among all parts.
    held
        Of each, its `HeldRows`.
    kept
        Of each, which of the good rows are ranked; null = all.
    spans
        Of each, the positions of its rows in the backlog.
    """

    client: Client
    surveyed: Surveyed
    places: tuple[int, ...]
    held: tuple[Future, ...] = field(repr=False)
    spans: tuple[slice, ...]

    @staticmethod
    def of(client: Client, surveyed: Surveyed, kept: Sequence[Flags]) -> HeldParts:
        """Return the parts with the rows that are kept of each."""
        places = tuple(place for place, rows in enumerate(kept) if rows.any())
        held = [_rows_of(client, surveyed.held[place], kept[place]) for place in places]
        counts = [int(kept[place].sum()) for place in places]
        return HeldParts(client, surveyed, places, tuple(held), _spans(counts))

    def without(self, positions: Sequence[int]) -> HeldParts:
        """Return the parts without the rows at some positions of the backlog."""
        gone = np.zeros(self.spans[-1].stop, dtype=np.bool_)
        gone[list(positions)] = True
        stay = [~gone[span] for span in self.spans]
        left = [number for number, rows in enumerate(stay) if rows.any()]
        held = [_rows_of(self.client, self.held[number], stay[number]) for number in left]
        spans = _spans([int(stay[number].sum()) for number in left])
        places = tuple(self.places[number] for number in left)
        return replace(self, places=places, held=tuple(held), spans=spans)

    def rows(self, number: int) -> pd.DataFrame:
        """Bring the decisions of a part."""
        held: HeldRows = self.held[number].result()
        return held.rows

    def by_part(self, bad: Iterable[BadValue], light: pa.Table) -> dict[int, list[BadValue]]:
        """Return bad values of positions in the backlog as those of rows of their parts."""
        found: dict[int, list[BadValue]] = {}
        first = np.array([span.start for span in self.spans])
        for value in bad:
            number = int(np.searchsorted(first, value.row, side="right")) - 1
            row = int(light["row"][value.row].as_py())
            found.setdefault(self.places[number], []).append(replace(value, row=row))
        return found

    def placed(self, late: Mapping[int, Sequence[BadValue]]) -> list[BadValue]:
        """Return bad values of rows of parts as those of their files."""
        parts = self.surveyed.parts
        return [placed(value, parts[place]) for place, own in late.items() for value in own]

    def write(self, number: int, ranked: pa.Table, folder: Path) -> Future:
        """Let a worker write a ranked part beside its place; the future tells where."""
        name = self.surveyed.parts[self.places[number]].name
        told = sent(self.client, _Ranked(ranked))
        return self.client.submit(_write, told, folder / f".{name}.part", pure=False)


@dataclass(frozen=True, slots=True)
class _Ranked:
    table: pa.Table = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Past:
    """What went before the rows of a part, as `serving.backlog.past.past_of` has it."""

    rows: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Model:
    """What scores: the bundle by its place, which is checked on each worker, and the records."""

    home: Home
    fingerprint: str
    records: TrackRecord = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores parts and finishes them once the draw is known."""

    client: Client
    parts: HeldParts
    model: Future
    past: tuple[Future, ...] = field(repr=False)

    @staticmethod
    def of(
        client: Client, parts: HeldParts, desk: Desk, records: TrackRecord, past: pd.DataFrame
    ) -> Scorer:
        """Return what scores parts, given the records of now and the past of all rows."""
        model = _Model(desk.home, desk.published.bundle.fingerprint, records)
        own = [_Past(past.iloc[span].reset_index(drop=True)) for span in parts.spans]
        return Scorer(
            client,
            parts,
            sent(client, model, everywhere=True),
            tuple(sent(client, own)),
        )

    def risks(self, progress: Progress) -> Risks:
        """Score all parts."""
        futures = [
            self.client.submit(_score, held, self.model, past, pure=False)
            for held, past in zip(self.parts.held, self.past, strict=True)
        ]
        return Risks.joined(results(futures, told="scoring", progress=progress))

    def finish(self, drawn: Drawn, harm: Floats | None, progress: Progress) -> list[Finished]:
        """Return reasons, selected rows and sums of every part."""
        futures = []
        for number, span in enumerate(self.parts.spans):
            draw = _Draw(_part_of(drawn, span), None if harm is None else harm[span])
            own = sent(self.client, draw)
            given = self.parts.held[number], self.model, self.past[number], own
            futures.append(self.client.submit(_finish, *given, pure=False))
        found = results(futures, told="telling reasons", progress=progress)
        return [
            _moved(each, span.start) for each, span in zip(found, self.parts.spans, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Draw:
    """The draw of one part."""

    drawn: Drawn = field(repr=False)
    harm: Floats | None = field(repr=False)


def _score(held: HeldRows, model: _Model, past: _Past) -> Risks:
    bundle = _bundle(model.home, model.fingerprint)
    return score_part(bundle, held.rows, model.records, past.rows)


def _finish(held: HeldRows, model: _Model, past: _Past, draw: _Draw) -> Finished:
    bundle = _bundle(model.home, model.fingerprint)
    finish = Finish(bundle, model.records, past.rows, draw.drawn, draw.harm)
    return finish.part(held.rows.reset_index(drop=True))


def _write(ranked: _Ranked, place: Path) -> Path:
    pq.write_table(ranked.table, place, use_dictionary=list(TEXT_COLUMNS[1:]))
    return place


@lru_cache(maxsize=1)
def _bundle(home: Home, fingerprint: str) -> Bundle:
    """Open a bundle of a home once in each worker, with its trees compiled where they are."""
    bundle = load_bundle(home.bundles / fingerprint)
    if bundle.fingerprint != fingerprint:
        raise BundleError(
            f"bundle {fingerprint!r}: saw {bundle.fingerprint} in its place; promote again"
        )
    return with_compiled(bundle, compiled_folder(home))


def _rows_of(client: Client, held: Future, rows: Flags) -> Future:
    return held if rows.all() else client.submit(_some, held, rows, pure=False)


def _some(held: HeldRows, rows: Flags) -> HeldRows:
    return HeldRows(held.rows[rows])


def _spans(counts: Sequence[int]) -> tuple[slice, ...]:
    ends = accumulate(counts, initial=0)
    return tuple(slice(first, last) for first, last in pairwise(ends))


def _part_of(drawn: Drawn, span: slice) -> Drawn:
    """Return the draw of some rows of the backlog."""
    arrays = ("selected", "priority", "rank", "inclusion_probability", "reason_codes")
    selection = drawn.selection
    some = {name: getattr(selection, name)[span] for name in (*arrays, "random_audit")}
    threshold = np.broadcast_to(selection.threshold, selection.priority.shape)[span]
    risks = drawn.risks
    return replace(
        drawn,
        ids=drawn.ids.take(pa.array(np.arange(span.start, span.stop))),
        risks=Risks(
            risks.by_direction[span], risks.overturn_probability[span], risks.expected_harm[span]
        ),
        selection=replace(selection, **some, threshold=threshold),
        key=drawn.key[span],
        already_selected=drawn.already_selected[span],
    )


def _moved(finished: Finished, first: int) -> Finished:
    """Return what was made of a part in positions of the backlog."""
    return replace(
        finished,
        rows=finished.rows + first,
        chosen=finished.chosen.set_axis(finished.rows + first),
    )
