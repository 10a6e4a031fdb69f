"""Settings of learning as a file: what `tune` found, for `train` to learn by.

Only what a search may choose stands in it; the rest of `training.learn.LearningSettings` belongs to
the programme or to the data.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from features.errors import SettingsError
from features.toml_text import read_toml
from features.track_record import RecordSettings
from models.halves import RiskSettings
from training.learn import LearningSettings

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Above = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
_RISK, _RECORD = RiskSettings(), RecordSettings()


class RiskChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be chosen of `models.halves.RiskSettings`."""

    rounds: Count = _RISK.rounds
    leaves: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = _RISK.leaves
    learning_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = _RISK.learning_rate
    leaf_rows: Count = _RISK.leaf_rows
    ridge: Above = _RISK.ridge


class RecordChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be chosen of `features.track_record.RecordSettings`."""

    half_life_days: Annotated[float, msgspec.Meta(ge=7, le=36_500)] = _RECORD.half_life_days
    strength: Above = _RECORD.strength


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Chosen settings; what a file leaves out is the default."""

    risk: RiskChoice = RiskChoice()
    record: RecordChoice = RecordChoice()

    def applied(self, settings: LearningSettings) -> LearningSettings:
        """Return settings with what was chosen put in."""
        return replace(
            settings,
            risk=replace(settings.risk, **msgspec.structs.asdict(self.risk)),
            record=replace(settings.record, **msgspec.structs.asdict(self.record)),
        )


def parse_choice(text: str, name: str) -> Choice:
    """Read chosen settings from TOML text; `name` is for messages.

    Raises
    ------
    SettingsError
        If it is not TOML, or holds a setting that is not known or out of range.

    Examples
    --------
    >>> parse_choice("risk.leaves = 8", "settings.toml").risk.leaves
    8
    >>> parse_choice("risk.depth = 8", "settings.toml")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    features.errors.SettingsError: settings 'settings.toml': Object contains unknown field `depth` -
    at `$.risk`; `secondlook tune` writes such a file
    """
    mend = "; `secondlook tune` writes such a file"
    return read_toml(text, Choice, told=f"settings {name!r}", mend=mend)


def read_settings(path: Path, settings: LearningSettings | None = None) -> LearningSettings:
    """Return the settings (the default ones where null) with what a file chose put in.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML, or holds a setting that is not known or out of range.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(
            f"settings {str(path)!r}: cannot be read: {error}; `secondlook tune` writes such a file"
        ) from error
    return parse_choice(text, path.name).applied(settings or LearningSettings())


def write_settings(choice: Choice, path: Path, *, why: str) -> None:
    """Write chosen settings as TOML, with a line that says where they are from."""
    lines = [f"# {why}"]
    for table, values in msgspec.to_builtins(choice).items():
        lines += ["", f"[{table}]", *(f"{name} = {value!r}" for name, value in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
