"""The registry: versions of the model, what the gates said of them, and the aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from features.errors import BundleError, HomeError
from features.home import Home
from models.bundle import Bundle, load_bundle
from training.journal import Entry, Event
from training.tracking import MODEL_NAME, tracked

_UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class Ruling(StrEnum):
    """What the gates said of a version; unjudged = none were asked."""

    PASSED = "passed"
    FAILED = "failed"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the model in the registry.

    Attributes
    ----------
    fingerprint
        Of its bundle.
    ruling, reasons
        What the gates said, and which of them failed, in words.
    made_at
        When it was registered.
    aliases
        ``champion``, ``challenger``, ``previous``.
    tags
        All that is written on it.
    """

    number: str
    run_id: str
    fingerprint: str
    ruling: Ruling
    reasons: str
    made_at: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def model_version(self) -> str:
        """How answers name it once it serves."""
        return f"{self.number}-{self.fingerprint}"


def find_version(home: Home, number: str | None) -> Version:
    """Return a version of the registry; without a number the challenger.

    Raises
    ------
    HomeError
        If there is no such version, or it was not registered whole.
    """
    found = _find(home, number, alias="challenger")
    if found is None:
        raise HomeError(
            f"registry: there is no version {number or 'challenger'!r}; "
            "run `secondlook train` first"
        )
    return found


def find_alias(home: Home, alias: str) -> Version | None:
    """Return the version that has an alias; null where none has."""
    return _find(home, None, alias=alias)


def versions(home: Home) -> tuple[Version, ...]:
    """Return all versions that were registered whole, the latest first."""
    if not _is_there(home):
        return ()
    with _asked(home) as client:
        found = client.search_model_versions(f"name='{MODEL_NAME}'")
        aliases = _aliases(client)
    whole = [_version(each, aliases) for each in found if "fingerprint" in each.tags]
    return tuple(sorted(whole, key=lambda version: -int(version.number)))


def download_bundle(home: Home, number: str, fingerprint: str, into: Path) -> tuple[Path, Bundle]:
    """Fetch the bundle of a version out of the registry; return where it lies, and it.

    Raises
    ------
    BundleError
        If it does not check out, or is not the one that was registered.
    """
    with _asked(home):
        model = mlflow.artifacts.download_artifacts(
            artifact_uri=f"models:/{MODEL_NAME}/{number}", dst_path=str(into)
        )
    folder = next((found.parent for found in Path(model).rglob("manifest.json")), None)
    if folder is None:
        raise BundleError(f"registry: version {number} holds no bundle; train again")
    bundle = load_bundle(folder)
    if bundle.fingerprint != fingerprint:
        raise BundleError(
            f"registry: version {number} holds the bundle {bundle.fingerprint}; expected "
            f"{fingerprint}, which was registered; train again"
        )
    return folder, bundle


def follow(home: Home, entry: Entry, *, newly: bool) -> None:
    """Bring the aliases into line with what serves; where that is new, the tags too.

    Raises
    ------
    HomeError
        If the registry does not answer; what serves stays as it is.
    """
    before = entry.previous.version if entry.previous else None
    wanted = {"champion": entry.model.version, "previous": before}
    with _asked(home) as client:
        seen = _aliases(client)
        for alias, number in wanted.items():
            if number != seen.get(alias):
                _set_alias(client, alias, number)
    if newly:
        tell(home, entry)


def tell(home: Home, entry: Entry) -> None:
    """Write an entry of the journal on the versions that it is about."""
    at, why = entry.at.isoformat(), entry.why or ""
    if entry.event is Event.REFUSAL:
        _tag(home, entry.model.version, refused_at=at, refused_why=entry.refused or "")
        return
    forced = str(entry.forced).lower()
    _tag(home, entry.model.version, promoted_at=at, promoted_why=why, forced=forced)
    if entry.event is Event.ROLLBACK and entry.previous is not None:
        _tag(home, entry.previous.version, rolled_back_at=at, rolled_back_why=why)


def _tag(home: Home, number: str | None, **tags: str) -> None:
    with _asked(home) as client, _missing_passed_over():
        for name, value in tags.items() if number is not None else ():
            client.set_model_version_tag(MODEL_NAME, number, name, value)


def _is_there(home: Home) -> bool:
    """Whether anything was ever registered; asking MLflow would make its store, in seconds."""
    return (home.path / "mlflow.db").is_file()


def _find(home: Home, number: str | None, *, alias: str) -> Version | None:
    if not _is_there(home):
        return None
    with _asked(home) as client:
        try:
            if number is None:
                found = client.get_model_version_by_alias(MODEL_NAME, alias)
            else:
                found = client.get_model_version(MODEL_NAME, number)
        except MlflowException as error:
            if error.error_code in _UNKNOWN:
                return None
            raise
        aliases = _aliases(client)
    if "fingerprint" not in found.tags:
        raise HomeError(
            f"registry: version {found.version} was not registered whole, as when training is "
            "killed; train again, or name another version"
        )
    return _version(found, aliases)


def _version(found: ModelVersion, aliases: Mapping[str, str]) -> Version:
    number, tags = str(found.version), dict(found.tags)
    return Version(
        number,
        found.run_id,
        tags["fingerprint"],
        *_ruling(tags),
        datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        tuple(sorted(alias for alias, its in aliases.items() if its == number)),
        tags,
    )


def _ruling(tags: Mapping[str, str]) -> tuple[Ruling, str]:
    """Return what the gates said, and why; what cannot be read is no pass."""
    seen, reasons = tags.get("verdict", "unjudged"), tags.get("verdict_reasons", "")
    if seen in set(Ruling):
        return Ruling(seen), reasons
    return Ruling.FAILED, f"tag 'verdict': saw {seen!r}; expected {', '.join(Ruling)}"


def _aliases(client: mlflow.MlflowClient) -> dict[str, str]:
    try:
        found = client.get_registered_model(MODEL_NAME).aliases
    except MlflowException as error:
        if error.error_code in _UNKNOWN:
            return {}
        raise
    return {alias: str(number) for alias, number in found.items()}


def _set_alias(client: mlflow.MlflowClient, alias: str, number: str | None) -> None:
    """Give an alias to a version; to none where that is null or was taken out."""
    client.delete_registered_model_alias(MODEL_NAME, alias)
    if number is not None:
        with _missing_passed_over():
            client.set_registered_model_alias(MODEL_NAME, alias, number)


@contextmanager
def _missing_passed_over() -> Iterator[None]:
    """Pass over a version that somebody took out of the registry."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in _UNKNOWN:
            raise


@contextmanager
def _asked(home: Home) -> Iterator[mlflow.MlflowClient]:
    """Ask the registry; what it answers instead is raised as an error of ours."""
    try:
        with tracked(home) as client:
            yield client
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise HomeError(
            f"registry {home.tracking_uri!r}: does not answer: {error}; what serves does not "
            "depend on it; once it answers again, the next command brings it into line"
        ) from error
