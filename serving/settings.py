"""The settings of the running service: read once from the environment, passed down, never again.

=================================  ==============================================================
``SECONDLOOK_HOME``                the home folder; required
``SECONDLOOK_MAX_BODY_BYTES``      longest request body, in bytes (64 MiB)
``SECONDLOOK_MAX_ROWS``            most rows of one call (50,000)
``SECONDLOOK_MAX_TEXT_LENGTH``     longest text value, in characters (100,000)
``SECONDLOOK_MAX_WAITING``         calls that may wait for a thread before 429 (64)
``SECONDLOOK_THREADS``             calls that are worked on at a time (2)
``SECONDLOOK_READ_TIMEOUT_S``      longest wait for a whole request body (30)
``SECONDLOOK_ANSWER_TIMEOUT_S``    longest work on an answer (50)
``PROMETHEUS_MULTIPROC_DIR``       where workers share their metrics; set at start
=================================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from features.errors import SettingsError

PREFIX = "SECONDLOOK_"
LONGEST_ANSWER_S = 55.0
"""Below the time limit of BentoML, so that a late answer is explained by us."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one caller may ask for; beyond it the service refuses and says so."""

    max_body_bytes: Annotated[int, msgspec.Meta(ge=1_000, le=2**31)] = 64 * 2**20
    max_rows: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 50_000
    max_text_length: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    max_waiting: Annotated[int, msgspec.Meta(ge=0)] = 64
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    read_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_ANSWER_S)] = 30.0
    answer_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_ANSWER_S)] = 50.0


class ServiceSettings(msgspec.Struct, frozen=True):
    """Where the programme lies, and what one caller may ask for."""

    home: Path
    limits: Limits = Limits()
    metrics_folder: Path | None = None


def read_settings(environment: Mapping[str, str]) -> ServiceSettings:
    """Read the settings from an environment.

    Raises
    ------
    SettingsError
        If a key is missing, not known or out of range; the message names it.

    Examples
    --------
    >>> read_settings({"SECONDLOOK_HOME": "here", "SECONDLOOK_MAX_ROWS": "10"}).limits.max_rows
    10
    >>> read_settings({"SECONDLOOK_HOME": "here", "SECONDLOOK_MAX_ROWS": "many"})
    Traceback (most recent call last):
    features.errors.SettingsError: SECONDLOOK_MAX_ROWS: saw 'many'; Expected `int`, got `str`
    """
    home = environment.get(f"{PREFIX}HOME")
    if not home:
        raise SettingsError(f"{PREFIX}HOME: not set; expected the path of the home folder")
    metrics = environment.get("PROMETHEUS_MULTIPROC_DIR")
    return ServiceSettings(Path(home), _limits(environment), Path(metrics) if metrics else None)


def _limits(environment: Mapping[str, str]) -> Limits:
    given: dict[str, str] = {}
    for name in Limits.__struct_fields__:
        key = PREFIX + name.upper()
        if key in environment:
            given[name] = environment[key]
            _require_valid(key, name, given[name])
    return msgspec.convert(given, Limits, strict=False)


def _require_valid(key: str, name: str, value: str) -> None:
    try:
        msgspec.convert({name: value}, Limits, strict=False)
    except msgspec.ValidationError as error:
        reason = str(error).split(" - at ")[0]
        raise SettingsError(f"{key}: saw {value!r}; {reason}") from error


def as_environment(settings: ServiceSettings) -> dict[str, str]:
    """Return the environment that `read_settings` reads back, for a service in its own process.

    Examples
    --------
    >>> settings = ServiceSettings(Path("here"), Limits(max_rows=10))
    >>> read_settings(as_environment(settings)) == settings
    True
    """
    limits = msgspec.structs.asdict(settings.limits)
    found = {PREFIX + name.upper(): str(value) for name, value in limits.items()}
    return {f"{PREFIX}HOME": str(settings.home), **found}
