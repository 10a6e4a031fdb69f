"""Ranking a file of decisions without the service: the same model, plan, keys and store.

However many they are, they are drawn as one batch. The file is read a part at a time; in memory
stays what the draw needs of every decision, some 200 bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from features.ahead import ahead
from features.contract import DECISIONS
from features.errors import BadValue, ContractError
from features.files import rejected_path, write_table
from features.home import Home
from models.arrays import Flags
from models.kept_sums import harm_if_wrong
from serving.backlog.asked import Asked, Keep
from serving.backlog.desk import Desk, open_desk, records_of
from serving.backlog.draw import Drawn, draw_all
from serving.backlog.earlier import EarlierOffers, look_back_all
from serving.backlog.finish import Finish, Finished, reasons_in, sums_in
from serving.backlog.intake import Came, Source, rows_of, take_in
from serving.backlog.light import codes_of
from serving.backlog.output import by_rank, check_ending, write_batches
from serving.backlog.parts import Parts
from serving.backlog.past import past_of
from serving.backlog.scores import Records, Risks, score_part
from serving.backlog.scratch import scratch
from serving.backlog.storing import keep_all, keep_selected, ledger_of

Progress = Callable[[str], None]
_MOST_THREADS = 4
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A ranked file.

    Attributes
    ----------
    rows
        How many decisions it holds, the first to audit first, with ``reasons`` of the selected ones
        and ``already_selected`` where an earlier offer selected the decision.
    selected
        How many of them were selected.
    refused
        What was wrong with rows that were not ranked.
    rejected_file
        Where those rows are; null where there are none.
    """

    rows: int
    selected: int
    refused: tuple[BadValue, ...]
    rejected_file: Path | None


@dataclass(frozen=True, slots=True)
class _Scored:
    """A backlog after its scores, and what they were made with."""

    records: Records
    past: pd.DataFrame
    risks: Risks


def rank_file(home: Home, asked: Asked, *, progress: Progress = lambda _: None) -> RankedFile:
    """Rank a file into another; every selection is stored before that one stands in its place.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set, or none is good: nothing is ranked then. Also
        as `serving.backlog.desk.open_desk`.
    HomeError
        If no model serves yet, or there is no plan.
    StoreError
        If it cannot be stored; nothing is then.
    """
    check_ending(asked.to)
    desk = open_desk(home, asked)
    source = Source(asked.path, desk.columns, home.pseudonym_key(), desk.keys.current)
    with scratch(home) as folder, ThreadPoolExecutor(1) as beside:
        progress("reading and checking")
        records = beside.submit(records_of, desk)
        came = take_in(source, folder, skip_bad=asked.skip_bad)
        progress("looking for earlier offers")
        came, earlier, lost = _without_lost(came, desk)
        progress("track records")
        scored = _score(came, desk, records.result(), progress)
        came = replace(came, light=came.light.drop_columns(["group"]))  # millions of texts
        progress("selecting")
        numbers = earlier.numbers(came.ids, came.uniform, desk.keys)
        drawn = draw_all(
            came.light, scored.risks, numbers=numbers, again=earlier.selected, terms=desk.terms
        )
        progress("reasons and sums")
        finished = _finish(came, desk, scored, drawn)
        progress("writing and storing")
        conflicts = _write_and_keep(came, desk, drawn, finished, stored=earlier.stored)
    late = (*lost, *(replace(bad, row=came.label(bad.row)) for bad in conflicts))
    place = _write_rejected(source, came, late)
    left = np.setdiff1d(drawn.selected, [bad.row for bad in conflicts])
    return RankedFile(len(drawn) - len(conflicts), len(left), (*came.bad_values, *late), place)


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The parts of a backlog, rows labelled by their position in it."""

    parts: Parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> pd.DataFrame:
        span = self.parts.span(number)
        return self.parts.read(number).set_axis(pd.RangeIndex(span.start, span.stop))

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return map(self.__getitem__, range(len(self)))


def _without_lost(came: Came, desk: Desk) -> tuple[Came, EarlierOffers, tuple[BadValue, ...]]:
    """Leave out the decisions whose first key is gone, and tell of them."""
    earlier = look_back_all(came.light, store=desk.store, keys=desk.keys)
    if not earlier.lost:
        return came, earlier, ()
    lost = tuple(replace(bad, row=came.label(bad.row)) for bad in earlier.lost)
    if not desk.asked.skip_bad or len(lost) == len(came.light):
        raise ContractError(DECISIONS.name, lost)
    rows = [bad.row for bad in earlier.lost]
    return came.without(rows), earlier.without(rows), lost


def _score(came: Came, desk: Desk, records: Records, progress: Progress) -> _Scored:
    bundle = desk.published.bundle
    progress("earlier looks and work")
    past = past_of(came.light, desk.store, bundle.record_settings)
    progress("scoring")
    risks = Risks.empty(came.parts.rows)

    def score(number: int) -> None:
        span = came.parts.span(number)
        part = came.parts.read(number)
        risks.put(span, score_part(bundle, part, records, past.iloc[span]))

    _each_part(score, came.parts)
    return _Scored(records, past, risks)


def _finish(came: Came, desk: Desk, scored: _Scored, drawn: Drawn) -> Sequence[Finished]:
    harm = None
    if desk.asked.keep is Keep.SELECTED:
        risks = scored.risks
        policy = codes_of(came.light, "policy").astype(np.int64)
        harm = harm_if_wrong(risks.expected_harm, risks.overturn_probability, policy)
    finish = Finish(desk.published.bundle, scored.records, scored.past, drawn, harm)
    parts = _Labelled(came.parts)
    return _each_part(lambda number: finish.part(parts[number]), came.parts)


def _write_and_keep(
    came: Came, desk: Desk, drawn: Drawn, finished: Sequence[Finished], *, stored: Flags
) -> tuple[BadValue, ...]:
    """Write the ranked file beside its place while it is stored; put it there once it is."""
    reasons, to = reasons_in(finished), desk.asked.to
    with ThreadPoolExecutor(1) as beside:
        writing = beside.submit(write_batches, ahead(by_rank(drawn, reasons)), to)
        ledger = ledger_of(desk, drawn, ready=writing.result)
        if desk.asked.keep is Keep.ALL:
            conflicts = keep_all(ledger, _Labelled(came.parts), stored=stored)
        else:
            chosen = [each.chosen for each in finished]
            conflicts = keep_selected(ledger, chosen, sums_in(finished))
    written = writing.result()
    if conflicts:
        refused = np.array([bad.row for bad in conflicts])
        written = write_batches(by_rank(drawn, reasons, left_out=refused), to)
    written.replace(to)
    return conflicts


def _each_part(work: Callable[[int], _Made], parts: Parts) -> list[_Made]:
    """Do something with the number of each part, several at once; results in their order."""
    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(len(parts))))


def _write_rejected(source: Source, came: Came, late: Sequence[BadValue]) -> Path | None:
    """Write the rows that were not ranked beside the file."""
    if not came.bad_values and not late:
        return None
    tables = [came.rejected]
    if late:
        told = [f"{bad.column}: {bad.seen}; {bad.expected}" for bad in late]
        tables.append(rows_of(source, [bad.row for bad in late]).assign(problem=told))
    place = rejected_path(source.path)
    write_table(pd.concat([each for each in tables if len(each)]), place)
    return place
