"""The home folder: everything that one programme writes lies here.

::

    secondlook.toml   settings, all with defaults
    policies.toml     harm of errors and least audits, by policy
    gates.toml        what data and model must pass before a promotion
    wellbeing.toml    what limits an auditor's day, and when audits are due
    alarms.toml       when alarms are raised, and where they are sent
    standing-alarms.json      the alarms that stand
    secrets.json      keys for sampling and pseudonyms; readable by the owner alone
    store.db          decisions, outcomes, selections (unless a PostgreSQL URL is set)
    mlflow.db, mlartifacts/   runs and the model registry
    bundles/          published models, each named by its fingerprint
    champion.json     which bundle serves
    shadow.json       which bundle looks on, if one does
    reports/          pages for the QA lead
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from features.errors import HomeError, SettingsError
from features.home_templates import (
    ALARMS_TEMPLATE,
    GATES_TEMPLATE,
    POLICIES_TEMPLATE,
    SETTINGS_TEMPLATE,
)
from features.policies import Policies, read_policies
from features.toml_text import read_toml
from features.wellbeing import WELLBEING_TEMPLATE, Wellbeing, read_wellbeing


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one programme.

    Attributes
    ----------
    store_url
        SQLAlchemy URL of the store; null = SQLite in the home folder.
    pseudonymise
        Whether moderator and auditor ids are replaced by keyed hashes on the way in.
    keep_text
        Whether the service stores the text of the decisions that it ranks.
    capacity_share
        Share of decisions that can be audited, above 0 up to 1; the plan is fitted for it.
    audits_per_day, hours_per_day
        Capacity as audits or as hours of audit work a day; one of them at most, and it stands
        before `capacity_share`. Hours need outcomes with their minutes.
    dial
        How much precision of the published figure is given for errors found.
    earlier_looks
        Whether the model may read earlier decisions and audits of the same item; false where an
        outcome was made from them, as by a majority; null = judged from the outcomes in training.
    """

    store_url: str | None = None
    pseudonymise: bool = True
    keep_text: bool = False
    capacity_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.05
    audits_per_day: Annotated[float, msgspec.Meta(gt=0)] | None = None
    hours_per_day: Annotated[float, msgspec.Meta(gt=0)] | None = None
    dial: str = "default"
    earlier_looks: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a capacity that is said twice."""
        if self.audits_per_day is not None and self.hours_per_day is not None:
            raise ValueError(
                f"saw audits_per_day {self.audits_per_day:g} and hours_per_day "
                f"{self.hours_per_day:g}; expected one of them at most; remove the other"
            )


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Keys that never leave the home folder.

    Attributes
    ----------
    key_id
        Names the sampling key in plans, selections and answers.
    sampling
        Keys the random number of each decision; whoever has it can foresee the audits.
    pseudonyms
        Keys the pseudonyms of people.
    retired
        Earlier sampling keys by their id, for decisions that were first offered under them.
    """

    key_id: str
    sampling: bytes
    pseudonyms: bytes
    retired: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one home folder."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """Return where the settings are."""
        return self.path / "secondlook.toml"

    @property
    def policies_file(self) -> Path:
        """Return where the policies are."""
        return self.path / "policies.toml"

    @property
    def gates_file(self) -> Path:
        """Return where the gates are; `training.gates` reads them."""
        return self.path / "gates.toml"

    @property
    def alarms_file(self) -> Path:
        """Return where the limits of the alarms are; `monitoring.alarms.limits` reads them."""
        return self.path / "alarms.toml"

    @property
    def standing_alarms_file(self) -> Path:
        """Return where the alarms that stand are; see `features.standing_alarms`."""
        return self.path / "standing-alarms.json"

    @property
    def wellbeing_file(self) -> Path:
        """Return where the limits of an auditor's day are."""
        return self.path / "wellbeing.toml"

    @property
    def secrets_file(self) -> Path:
        """Return where the keys are."""
        return self.path / "secrets.json"

    @property
    def bundles(self) -> Path:
        """Return the folder of published bundles."""
        return self.path / "bundles"

    @property
    def champion_file(self) -> Path:
        """Return the file that says which bundle serves."""
        return self.path / "champion.json"

    @property
    def shadow_file(self) -> Path:
        """Return the file that says which bundle looks on."""
        return self.path / "shadow.json"

    @property
    def reports(self) -> Path:
        """Return the folder of reports."""
        return self.path / "reports"

    @property
    def monitoring(self) -> Path:
        """Folder of what monitoring has counted and sampled of each day."""
        return self.path / "monitoring"

    @property
    def evidently(self) -> Path:
        """Evidently's workspace, for ``evidently ui``."""
        return self.path / "evidently"

    @property
    def tracking_uri(self) -> str:
        """Return MLflow's store of runs and registry."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Return MLflow's folder of artifacts."""
        return self.path / "mlartifacts"

    def settings(self) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            If the file holds a setting that is not known or a value out of range.
        """
        if not self.settings_file.is_file():
            return Settings()
        try:
            return parse_settings(self.settings_file.read_text(encoding="utf-8-sig"))
        except (UnicodeDecodeError, OSError) as error:
            raise SettingsError(
                f"settings {str(self.settings_file)!r}: cannot be read: {error}"
            ) from error

    def policies(self) -> Policies:
        """Read the policies; see `features.policies.read_policies`."""
        return read_policies(self.policies_file)

    def wellbeing(self) -> Wellbeing:
        """Read the limits of an auditor's day; see `features.wellbeing.read_wellbeing`."""
        return read_wellbeing(self.wellbeing_file)

    def secrets(self) -> Secrets:
        """Read the keys.

        Raises
        ------
        HomeError
            If the file of the keys is damaged; what it held is not shown.
        """
        try:
            document = json.loads(self.secrets_file.read_text(encoding="utf-8"))
            return Secrets(
                document["key_id"],
                bytes.fromhex(document["sampling"]),
                bytes.fromhex(document["pseudonyms"]),
                {name: bytes.fromhex(key) for name, key in document.get("retired", {}).items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise HomeError(
                f"home {str(self.path)!r}: secrets.json is missing or damaged; put back its copy, "
                "for with other keys past selections and pseudonyms no longer fit"
            ) from None

    def pseudonym_key(self) -> bytes | None:
        """Return the key of the pseudonyms, or null where the settings ask for plain ids."""
        return self.secrets().pseudonyms if self.settings().pseudonymise else None

    def store_url(self) -> str:
        """Return the SQLAlchemy URL of the store."""
        return self.settings().store_url or f"sqlite:///{self.path / 'store.db'}"


def parse_settings(text: str) -> Settings:
    """Read settings from TOML text.

    Raises
    ------
    SettingsError
        If it is not TOML, or holds a setting that is not known or out of range.

    Examples
    --------
    >>> parse_settings("capacity_share = 0.02").capacity_share
    0.02
    >>> parse_settings("capacity_share = 2.0")
    Traceback (most recent call last):
    features.errors.SettingsError: secondlook.toml: Expected `float` <= 1.0 - at `$.capacity_share`
    """
    return read_toml(text, Settings, told="secondlook.toml")


def make_home(path: Path) -> Home:
    """Make the folder with its settings, policies, gates and keys; what is there stays."""
    home = Home(path.expanduser().resolve())
    try:
        home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(home.settings_file, SETTINGS_TEMPLATE)
        _write_once(home.policies_file, POLICIES_TEMPLATE)
        _write_once(home.gates_file, GATES_TEMPLATE)
        _write_once(home.alarms_file, ALARMS_TEMPLATE)
        _write_once(home.wellbeing_file, WELLBEING_TEMPLATE)
        keys = _fresh_sampling_key() | {"pseudonyms": secrets.token_hex(32)}
        _write_once(home.secrets_file, json.dumps(keys))
    except OSError as error:
        raise HomeError(f"home {str(home.path)!r}: cannot be made: {error.strerror}") from error
    return home


def open_home(path: Path) -> Home:
    """Open a folder that `make_home` made.

    Raises
    ------
    HomeError
        If there is none.
    """
    home = Home(path.expanduser().resolve())
    if not home.secrets_file.is_file():
        raise HomeError(
            f"home {str(home.path)!r}: not made yet; run `secondlook init --home {path}` first"
        )
    return home


def rotate_sampling_key(home: Home) -> str:
    """Make a new sampling key and retire the present one; return the id of the new one.

    Decisions that were offered before keep the number they have: the retired key is kept for them.

    Raises
    ------
    HomeError
        If the keys cannot be read, or written.
    """
    held = home.secrets()
    retired = {**held.retired, held.key_id: held.sampling}
    keys = _fresh_sampling_key() | {
        "pseudonyms": held.pseudonyms.hex(),
        "retired": {name: key.hex() for name, key in retired.items()},
    }
    beside = home.secrets_file.with_suffix(".new")
    try:
        beside.unlink(missing_ok=True)
        _write_once(beside, json.dumps(keys))
        beside.replace(home.secrets_file)
    except OSError as error:
        raise HomeError(
            f"home {str(home.path)!r}: secrets.json cannot be written: {error.strerror}"
        ) from error
    return str(keys["key_id"])


def _fresh_sampling_key() -> dict[str, object]:
    return {"key_id": "k" + secrets.token_hex(4), "sampling": secrets.token_hex(32)}


def _write_once(path: Path, text: str) -> None:
    """Write a file that only the owner reads, unless it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
