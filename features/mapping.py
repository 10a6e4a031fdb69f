"""A team's own export, mapped to the contract by a small TOML file.

::

    [decisions.columns]              # contract name = name in the export
    decision_id = "case_ref"
    decided_at = "closed_on"
    [decisions.times]                # how the export writes a time, and in which zone
    decided_at = { format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
    [decisions.values.action]        # word in the export = word in the contract
    "Taken down" = "remove"
    [decisions.constants]            # where the export has no such column
    policy = "spam"
    [decisions]
    drop = ["reviewer_notes"]        # columns that must not come in

``[outcomes...]`` is written the same way. What is not named comes through under its own name.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import pandas as pd

from features.errors import MappingError
from features.values import as_text


class TimeFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a time is written: a strptime format, and the zone that it is meant in."""

    format: str
    zone: str = "UTC"


class TableMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one table of the export becomes one of the contract."""

    columns: dict[str, str] = msgspec.field(default_factory=dict)
    times: dict[str, TimeFormat] = msgspec.field(default_factory=dict)
    values: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    constants: dict[str, str | float | int] = msgspec.field(default_factory=dict)
    drop: list[str] = msgspec.field(default_factory=list)

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the export with the contract's names, times and words."""
        absent = [name for name in (*self.columns.values(), *self.drop) if name not in frame]
        if absent:
            raise MappingError(
                f"mapping: the export has no column {absent[0]!r}; it has "
                + ", ".join(map(repr, frame.columns))
            )
        named = {*self.drop, *self.columns.values()}
        mapped = frame.drop(columns=[name for name in frame if name in named])
        for ours, theirs in self.columns.items():
            mapped[ours] = frame[theirs]
        self._require(mapped)
        for name, words in self.values.items():
            mapped[name] = _map_words(mapped[name], words)
        for name, time in self.times.items():
            mapped[name] = _read_time(mapped[name], time)
        return mapped.assign(**self.constants)

    def _require(self, mapped: pd.DataFrame) -> None:
        for name in (*self.values, *self.times):
            if name not in mapped:
                raise MappingError(
                    f"mapping: column {name!r} has values or a time to map, but the export has "
                    "no such column; name it under columns"
                )


@dataclass(frozen=True, slots=True)
class Mapping:
    """The mappings of both tables."""

    tables: dict[str, TableMapping] = field(default_factory=dict)

    def apply(self, frame: pd.DataFrame, table: str) -> pd.DataFrame:
        """Map an export to a table of the contract.

        Raises
        ------
        MappingError
            If the mapping names a column that the export does not have.

        Examples
        --------
        >>> mapping = parse_mapping('decisions.columns.decision_id = "ref"', "example")
        >>> mapping.apply(pd.DataFrame({"ref": ["a"]}), "decisions").columns.tolist()
        ['decision_id']
        """
        return self.tables.get(table, TableMapping()).apply(frame)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    MappingError
        If there is none, it is not TOML, or it holds something that is not known.
    """
    if not path.is_file():
        raise MappingError(f"mapping {str(path)!r}: there is no such file")
    try:
        return parse_mapping(path.read_text(encoding="utf-8-sig"), path.name)
    except (UnicodeDecodeError, OSError) as error:
        raise MappingError(f"mapping {str(path)!r}: cannot be read: {error}") from error


def parse_mapping(text: str, name: str) -> Mapping:
    """Read a mapping from TOML text; `name` is for messages."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
        tables = msgspec.convert(document, dict[Literal["decisions", "outcomes"], TableMapping])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MappingError(
            f"mapping {name!r}: {error}; see docs/contract.md for the form"
        ) from error
    return Mapping({str(table): rules for table, rules in tables.items()})


def _map_words(values: pd.Series, words: dict[str, str]) -> pd.Series:
    """Replace words, and numbers as they are written; what is not named stays as it is."""
    text = as_text(values)[0]
    return values.astype(object).where(~text.isin(words), text.map(words))


def _read_time(values: pd.Series, time: TimeFormat) -> pd.Series:
    """Read times; one that does not fit is marked, for the contract's check to report.

    Marked rather than left alone: the check would read what looks like ISO as UTC. An hour that
    the clocks leave out or strike twice does not say which moment it means, and does not fit.
    """
    text = as_text(values)[0]
    has_zone = "%z" in time.format or "%Z" in time.format
    try:
        read = pd.to_datetime(text, format=time.format, errors="coerce", utc=has_zone)
        if not has_zone:
            read = read.dt.tz_localize(time.zone, ambiguous="NaT", nonexistent="NaT")
    except (ValueError, KeyError, TypeError) as error:
        raise MappingError(f"mapping: time format {time}: {error}") from error
    utc = read.dt.tz_convert("UTC").astype(object)
    marked = text.map(lambda value: f"{value} as {time.format} in {time.zone}", na_action="ignore")
    return utc.where(utc.notna(), marked)
