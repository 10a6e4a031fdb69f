"""What was known of every decision of a file when it was made, written beside it.

The file is read in batches, and of each only what the records and the history are made of is kept:
the text of few words as codes, times as numbers. The history needs the decisions of all parts, as
an earlier look may lie in any of them; track records of a part need the part and the events alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.batches import checked_batches
from features.columns import labels, side_by_side
from features.contract import DECISIONS, OUTCOMES, Table
from features.errors import BadValue, SettingsError
from features.files import rejected_path
from features.history import groups_of, history_of
from features.known import history_before
from features.mapping import Mapping
from features.partitions import partitions_of
from features.pseudonym import pseudonymise
from features.record_rates import PARTS, RecordSettings
from features.refused import Refused
from features.row_file import growing_csv
from features.timelines import records_at, timelines_of
from features.track_record import events

_ROWS_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class FileReading:
    """How the files are read.

    Attributes
    ----------
    mapping
        How they are mapped to the contract; null = they have its names.
    pseudonym_key
        Key of the people's pseudonyms; null = they keep their ids.
    skip_bad
        Whether to go on with the good rows where some are bad.
    now
        Rows of a later time are bad rows; null = any time will do.
    """

    mapping: Mapping | None = None
    pseudonym_key: bytes | None = field(default=None, repr=False)
    skip_bad: bool = False
    now: datetime | None = None


_AS_IT_STANDS = FileReading()


@dataclass(frozen=True, slots=True)
class ReplayedFile:
    """A file that was replayed.

    Attributes
    ----------
    rows
        Decisions that were written.
    files
        Where they are.
    strangers
        Outcomes of decisions that are not in the file, from which nothing was learned.
    refused, refused_count
        The first of what was wrong with other rows, and of how many values there was something.
    rejected_files
        Where these rows are.
    """

    rows: int
    files: tuple[Path, ...]
    strangers: int
    refused: tuple[BadValue, ...]
    refused_count: int
    rejected_files: tuple[Path, ...]


def replay_file(
    decisions: Path,
    outcomes: Path,
    to: Path,
    *,
    settings: RecordSettings,
    reading: FileReading = _AS_IT_STANDS,
) -> ReplayedFile:
    """Write what was known of each decision when it was made: ``decision_id`` and the records.

    The columns are those of `features.known.known_before`, the rows in the order of the file.

    Parameters
    ----------
    decisions, outcomes
        CSV, Parquet, or a folder of Parquet files.
    to
        A Parquet file; of a folder a folder, in which the parts bear the same names.

    Raises
    ------
    SettingsError, MappingError
        If a file, the mapping or the place to write to cannot be used.
    ContractError
        If a row is bad and bad ones are not to be skipped, or a table as a whole is. Nothing is
        written then.
    """
    places = _places_of(decisions, to)
    with (
        growing_csv(rejected_path(decisions)) as reject_decisions,
        growing_csv(rejected_path(outcomes)) as reject_outcomes,
    ):
        made = _Taken(DECISIONS, decisions, reject_decisions)
        table = _compact(made.parts(reading), list(places.values()))
        found = _Taken(OUTCOMES, outcomes, reject_outcomes)
        audits = _standing(pd.concat(found.parts(reading), ignore_index=True))
        if not reading.skip_bad:
            made.refused.raise_if_any()
            found.refused.raise_if_any()
        blocks = _known_by_part(table.frame, audits, table.ends, settings)
        for place, known in zip(places, blocks, strict=True):
            _write(place, known)
    strangers = ~audits["decision_id"].isin(table.frame["decision_id"])
    return ReplayedFile(
        len(table.frame),
        tuple(places),
        int(strangers.sum()),
        (*made.refused.told, *found.refused.told),
        made.refused.count + found.refused.count,
        tuple(each.rejected for each in (made, found) if each.refused.count),
    )


def _places_of(decisions: Path, to: Path) -> dict[Path, int | None]:
    """Return the files to write, and after which row of the whole each ends; null = the last."""
    if not decisions.is_dir():
        if to.suffix != ".parquet":
            raise SettingsError(f"file {str(to)!r}: saw another ending; expected .parquet")
        return {to: None}
    if to.suffix == ".parquet" or to.is_file():
        raise SettingsError(
            f"place {str(to)!r}: saw a file; expected a folder, as {str(decisions)!r} is one"
        )
    if to.resolve() == decisions.resolve():
        raise SettingsError(
            f"folder {str(to)!r}: saw the folder that is read; expected another to write to"
        )
    parts = partitions_of(decisions)
    ends = np.cumsum([part.rows for part in parts]).tolist()
    return {to / part.path.name: end for part, end in zip(parts, ends, strict=True)}


@dataclass(frozen=True, slots=True)
class _Taken:
    """A table on its way in, and what is refused of it."""

    table: Table
    path: Path
    reject: Callable[[pd.DataFrame], None]
    refused: Refused = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refused", Refused(self.table.name))

    @property
    def rejected(self) -> Path:
        return rejected_path(self.path)

    def parts(self, reading: FileReading) -> Iterator[pd.DataFrame]:
        """Yield the good rows, labelled by their place in the whole; people under pseudonyms."""
        for batch in checked_batches(
            self.path, self.table, mapping=reading.mapping, now=reading.now
        ):
            self.refused.note(batch.checked.bad_values)
            if reading.skip_bad:
                self.reject(batch.checked.rejected)
            yield pseudonymise(batch.checked.good, reading.pseudonym_key)


@dataclass(frozen=True, slots=True)
class _Compact:
    """All decisions, as little of each as is needed.

    Attributes
    ----------
    frame
        ``decision_id``, ``item_group`` (as `features.history.groups_of`), ``decided_at`` and the
        columns that keys and the history are made of, as categories.
    ends
        After which row of the frame each file to write ends.
    """

    frame: pd.DataFrame
    ends: tuple[int, ...]


def _compact(parts: Iterator[pd.DataFrame], file_ends: Sequence[int | None]) -> _Compact:
    words: dict[str, dict[str, int]] = {name: {} for name in PARTS}
    light = [_light(part, words) for part in parts]
    rows = np.concatenate([part.index for part in light])
    frame = pd.concat(light, ignore_index=True)
    for name, known in words.items():
        frame[name] = pd.Categorical.from_codes(frame[name], pd.Index(list(known), dtype="str"))
    ends = [len(rows) if end is None else int(np.searchsorted(rows, end)) for end in file_ends]
    return _Compact(frame, tuple(ends))


def _light(part: pd.DataFrame, words: dict[str, dict[str, int]]) -> pd.DataFrame:
    """Keep of a part what is needed; text of few words as numbers that are alike in all parts."""
    kept = part[["decision_id", "decided_at"]].assign(item_group=groups_of(part))
    for name, known in words.items():
        codes, names = labels(part, name)
        number = [*(known.setdefault(each, len(known)) for each in names), -1]
        kept[name] = np.array(number, dtype=np.int32)[codes]
    return kept


def _standing(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the outcomes that no other supersedes."""
    if "supersedes" not in outcomes:
        return outcomes
    return outcomes[~outcomes["audit_id"].isin(outcomes["supersedes"].dropna())]


def _known_by_part(
    decisions: pd.DataFrame, audits: pd.DataFrame, ends: Sequence[int], settings: RecordSettings
) -> Iterator[Iterator[pd.DataFrame]]:
    """Yield what is to be written of each part, in blocks."""
    history = history_before(decisions, history_of(decisions, audits), settings)
    timelines = timelines_of(events(decisions, audits), settings)

    def known(start: int, end: int) -> Iterator[pd.DataFrame]:
        for first in range(start, end, _ROWS_AT_ONCE) if end > start else (start,):
            rows = slice(first, min(first + _ROWS_AT_ONCE, end))
            block = decisions.iloc[rows]
            records = records_at(block, timelines)
            yield side_by_side(block[["decision_id"]], records, history.iloc[rows])

    for start, end in zip((0, *ends), ends, strict=False):
        yield known(start, end)


def _write(place: Path, blocks: Iterator[pd.DataFrame]) -> None:
    """Write a Parquet file whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.part")
    first = pa.Table.from_pandas(next(blocks), preserve_index=False)
    with pq.ParquetWriter(part, first.schema) as writer:
        writer.write_table(first)
        for block in blocks:
            writer.write_table(pa.Table.from_pandas(block, first.schema, preserve_index=False))
    part.replace(place)
