"""MLflow: runs, the registry and its aliases, all inside the home folder."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException

from features.home import Home
from features.track_record import RecordSettings
from models.bundle import Bundle
from training.card_document import Card, as_html, as_markdown, as_note
from training.card_words import LIMITS, MISUSE, USE
from training.evaluate import BUDGETS
from training.findings import Finding, findings_table
from training.gates import Verdict
from training.learn import LearningSettings, Trial
from training.packaged import log_packaged
from training.runs import run_of
from training.segment_metrics import named_metrics

MODEL_NAME = "secondlook"
_QUIETLY = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",  # it would take the project of the folder that we run in
}
_LONGEST_TAG, _LONGEST_DESCRIPTION = 8_000, 5_000
"""Characters that MLflow keeps of a tag of a run, and of a description."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A model version in the registry."""

    version: str
    run_id: str
    fingerprint: str


@contextmanager
def tracked(home: Home) -> Iterator[mlflow.MlflowClient]:
    """Point MLflow at the home's own store while in the block; say nothing to the console."""
    before = mlflow.get_tracking_uri()
    for name, value in _QUIETLY.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own making, nothing a user could mend
        mlflow.set_tracking_uri(home.tracking_uri)
        client = mlflow.MlflowClient(home.tracking_uri, home.tracking_uri)
        try:
            yield client
        finally:
            mlflow.set_tracking_uri(before)


def log_and_register(
    home: Home,
    *,
    folder: Path,
    bundle: Bundle,
    trial: Trial,
    settings: LearningSettings,
    plots: list[Path],
    card: Card,
    verdict: Verdict | None = None,
    findings: Sequence[Finding] = (),
) -> Registered:
    """Log a training run with all that a person looks for, and register its model.

    The new version carries the alias ``challenger``; who serves does not change. It is made last
    and with all that is known of it, so that a run that ends early leaves none.

    Parameters
    ----------
    folder
        Where the bundle was saved; what it lies in is removed when the process ends.
    verdict
        Of the gates; null = unjudged.
    """
    tags = _tags(bundle, verdict)
    with (
        tracked(home) as client,
        run_of(
            home, client, name=f"train {bundle.fingerprint}", working_folder=folder.parent
        ) as run,
    ):
        mlflow.log_params(parameters(settings, bundle.record_settings))
        mlflow.set_tags(tags)
        mlflow.log_input(_dataset(bundle), context="training")
        for plot in plots:
            mlflow.log_artifact(str(plot), "plots")
        _log_tables(trial, verdict, findings)
        _log_card(card)
        logged = log_packaged(bundle, folder)
        client.set_logged_model_tags(logged.model_id, tags)
        mlflow.log_metrics(named_metrics(trial), model_id=logged.model_id)
        version = _register(client, logged, run.info.run_id, tags, card)
        return Registered(version, run.info.run_id, bundle.fingerprint)


def _tags(bundle: Bundle, verdict: Verdict | None) -> dict[str, str]:
    ruling = "unjudged" if verdict is None else "passed" if verdict.passed else "failed"
    reasons = "" if verdict is None else "; ".join(verdict.reasons)
    kept = ("data_fingerprint", "from", "until", "code_version")
    return {
        "fingerprint": bundle.fingerprint,
        **{name: str(bundle.card[name]) for name in kept},
        "verdict": ruling,
        "verdict_reasons": reasons[:_LONGEST_TAG],
    }


def _dataset(bundle: Bundle) -> MetaDataset:
    """Describe what was learned from by its fingerprint; no row of it, and not where it lies."""
    source = CodeDatasetSource(tags={"kind": "decisions and outcomes of one programme"})
    digest = str(bundle.card["data_fingerprint"])
    return MetaDataset(source, name="audited decisions", digest=digest)


def _log_tables(trial: Trial, verdict: Verdict | None, findings: Sequence[Finding]) -> None:
    for name, table in trial.segments.items():
        mlflow.log_table(table, f"segments/{name}.json")
    if verdict is not None:
        mlflow.log_table(verdict.table(), "gates.json")
    if findings:
        mlflow.log_table(findings_table(findings), "data_findings.json")


def _log_card(card: Card) -> None:
    mlflow.log_text(as_html(card), "model_card.html")
    mlflow.log_text(as_markdown(card), "model_card.md")
    mlflow.set_tag("mlflow.note.content", as_note(card, most_characters=_LONGEST_TAG))


def _register(
    client: mlflow.MlflowClient, logged: Any, run_id: str, tags: dict[str, str], card: Card
) -> str:
    """Make a version of a logged model; through the client, which says nothing to the console."""
    with suppress(MlflowException):  # it is there already
        client.create_registered_model(MODEL_NAME, description=_about())
    made = client.create_model_version(
        MODEL_NAME,
        logged.model_uri,
        run_id=run_id,
        model_id=logged.model_id,
        tags=tags,
        description=as_note(card, most_characters=_LONGEST_DESCRIPTION),
    )
    version = str(made.version)
    client.set_registered_model_alias(MODEL_NAME, "challenger", version)
    return version


def _about() -> str:
    """Return what is true of every version, as Markdown."""
    sections = (("What it is for", USE), ("What it is not for", MISUSE), ("Limits", LIMITS))
    return "\n\n".join(
        f"## {title}\n\n" + "\n".join(f"- {point}" for point in points)
        for title, points in sections
    )


def parameters(settings: LearningSettings, record: RecordSettings) -> dict[str, Any]:
    """Return the settings as they held; those of the records were in part taken from the data."""
    return {
        "calibrate_share": settings.calibrate_share,
        "test_share": settings.test_share,
        "seed": settings.seed,
        "budgets": ", ".join(f"{budget:g}" for budget in BUDGETS),
        **{f"risk.{n}": getattr(settings.risk, n) for n in settings.risk.__slots__},
        **{f"record.{n}": getattr(record, n) for n in record.__slots__},
    }
