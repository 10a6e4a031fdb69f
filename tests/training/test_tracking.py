"""What a person finds in MLflow: figures, tables, card and model, and runs that always end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from features.home import Home, make_home
from features.track_record import TrackRecord
from models.bundle import Bundle, load_bundle, save_bundle
from models.scoring import score
from tests.learned import Learned, learn_small
from tests.training.trials import made_trial
from training.card import make_card
from training.findings import Finding, Severity
from training.gates import Judged, Outcome, Verdict
from training.learn import LearningSettings, Trial
from training.plots import write_plots
from training.runs import run_of
from training.segment_metrics import safe_name
from training.tracking import MODEL_NAME, Registered, log_and_register, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")

ROOT = Path(__file__).parents[2]
FAILED = Judged(
    "capture", "language = en", Outcome.FAILED, "loses 0.15", difference=-0.15, limit=0.1
)
FINDING = Finding("drift", "views", Severity.WARNING, "a distance of 0.3", "at most 0.2", "look")
ODD = "pt/br, 'x'"


@pytest.fixture(scope="module")
def learned() -> Learned:
    return learn_small()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("tracking") / "home")


@pytest.fixture(scope="module")
def trial() -> Trial:
    return made_trial(policy=["spam", "hate"], language=["en"] * 6 + ["fr"] * 3 + [ODD])


def log(
    home: Home, bundle: Bundle, trial: Trial, folder: Path, verdict: Verdict | None
) -> Registered:
    """Log a bundle as training does."""
    saved = replace(bundle, fingerprint=save_bundle(bundle, folder / "bundle"))
    return log_and_register(
        home,
        folder=folder / "bundle",
        bundle=saved,
        trial=trial,
        settings=LearningSettings(),
        plots=write_plots(trial.predictions, folder / "plots"),
        card=make_card(saved, trial, verdict=verdict, findings=[FINDING]),
        verdict=verdict,
        findings=[FINDING],
    )


@pytest.fixture(scope="module")
def registered(
    home: Home, learned: Learned, trial: Trial, tmp_path_factory: pytest.TempPathFactory
) -> Registered:
    """A version that failed a gate."""
    folder = tmp_path_factory.mktemp("work")
    return log(home, learned.bundle, trial, folder, Verdict((FAILED,), champion="1-abc"))


@pytest.fixture
def client(home: Home, registered: Registered) -> Iterator[mlflow.MlflowClient]:
    with tracked(home) as client:
        yield client


def artifact(client: mlflow.MlflowClient, registered: Registered, name: str) -> str:
    path = client.download_artifacts(registered.run_id, name)
    return Path(path).read_text(encoding="utf-8")


def test_figures_stand_by_segment_under_names_that_every_run_shares(
    client: mlflow.MlflowClient, registered: Registered, trial: Trial
) -> None:
    shown = client.get_run(registered.run_id).data.metrics
    assert shown["capture_05"] == pytest.approx(trial.metrics["capture_05"])
    english = trial.segments["language"].set_index("segment").loc["en"]
    assert shown["auroc.language.en"] == pytest.approx(english["auroc"])
    assert shown["capture_10.language.en"] == pytest.approx(english["capture_10"])
    assert f"audits.language.{safe_name(ODD)}" in shown


def test_a_segment_of_few_overturns_has_no_figure_but_its_audits(
    home: Home, client: mlflow.MlflowClient, learned: Learned, tmp_path: Path
) -> None:
    few = made_trial(audits=300, policy=["spam"] * 60 + ["rare"])
    made = log(home, learned.bundle, few, tmp_path, None)
    shown = client.get_run(made.run_id).data.metrics
    assert shown["audits.policy.rare"] < 20
    assert "capture_05.policy.rare" not in shown
    assert "capture_05.policy.spam" in shown


def test_a_run_and_its_version_say_what_they_are(
    client: mlflow.MlflowClient, registered: Registered, learned: Learned
) -> None:
    run = client.get_run(registered.run_id)
    version = client.get_model_version(MODEL_NAME, registered.version)
    expected = {name: learned.bundle.card[name] for name in ("from", "until", "code_version")} | {
        "fingerprint": registered.fingerprint,
        "data_fingerprint": learned.bundle.card["data_fingerprint"],
        "verdict": "failed",
        "verdict_reasons": "capture, language = en: loses 0.15",
    }
    assert run.data.tags.items() >= expected.items()
    assert version.tags == expected
    assert run.data.params["risk.rounds"] == "150"
    assert run.data.params["record.prior_rate"] == str(learned.bundle.record_settings.prior_rate)
    assert run.info.status == "FINISHED"


def test_gates_and_findings_are_tables(client: mlflow.MlflowClient, registered: Registered) -> None:
    gates = json.loads(artifact(client, registered, "gates.json"))
    findings = json.loads(artifact(client, registered, "data_findings.json"))
    row = dict(zip(gates["columns"], gates["data"][0], strict=True))
    assert (row["gate"], row["segment"], row["outcome"]) == ("capture", "language = en", "failed")
    assert (row["difference"], row["champion"]) == (-0.15, None)
    assert dict(zip(findings["columns"], findings["data"][0], strict=True))["subject"] == "views"


def test_the_card_is_on_the_run_on_the_version_and_among_the_files(
    client: mlflow.MlflowClient, registered: Registered
) -> None:
    title = f"# Second Look, model {registered.fingerprint}"
    note = client.get_run(registered.run_id).data.tags["mlflow.note.content"]
    told = client.get_model_version(MODEL_NAME, registered.version).description
    assert note.startswith(title)
    assert len(note) <= 8_000
    assert told.startswith(title)
    assert len(told) <= 5_000
    assert "language = en" in told
    assert artifact(client, registered, "model_card.md").startswith(title)
    assert artifact(client, registered, "model_card.html").startswith("<!doctype html>")
    about = client.get_registered_model(MODEL_NAME).description
    assert "It never judges people or content" in about


def test_the_data_is_named_by_its_fingerprint_alone(
    client: mlflow.MlflowClient, registered: Registered, learned: Learned
) -> None:
    (logged,) = client.get_run(registered.run_id).inputs.dataset_inputs
    assert logged.dataset.digest == learned.bundle.card["data_fingerprint"]
    assert not logged.dataset.schema
    assert not json.loads(logged.dataset.profile or "null")
    assert "store" not in logged.dataset.source


def test_the_example_holds_no_content_and_nobody(home: Home, registered: Registered) -> None:
    with tracked(home):
        model = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/{registered.version}")
        given = model.input_example
    assert not {"text", "embedding", "moderator_id", "item_id"} & set(given)
    needed = {column.name for column in model.metadata.signature.inputs if column.required}
    assert needed == {"decision_id", "decided_at", "policy", "action"}
    assert [param.name for param in model.metadata.signature.params] == ["reasons"]


def test_mlflow_scores_as_we_do(home: Home, registered: Registered, learned: Learned) -> None:
    rows = learned.later.head(50)
    records = TrackRecord(learned.bundle.record_settings).look_up(rows)
    ours = score(learned.bundle, rows, records)
    with tracked(home):
        model = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}@challenger")
        theirs = model.predict(rows)
        told = model.predict(rows, params={"reasons": 2})
    assert np.array_equal(theirs["overturn_probability"], ours.overturn_probability)
    assert np.array_equal(theirs["expected_harm"], ours.expected_harm)
    assert "reasons" not in theirs
    assert told["reasons"].str.len().gt(0).any()
    assert told["reasons"].str.count("; ").max() == 1


def test_whole_numbers_and_times_as_text_are_taken(home: Home, registered: Registered) -> None:
    row = pd.DataFrame(
        {"decision_id": ["a"], "decided_at": ["2026-03-01"], "policy": ["spam"], "action": ["keep"]}
    )
    with tracked(home):
        model = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/{registered.version}")
        plain, viewed = model.predict(row), model.predict(row.assign(views=3, language=None))
    assert plain.shape == viewed.shape == (1, 5)


def test_nothing_that_was_logged_is_a_pickle(home: Home, registered: Registered) -> None:
    files = [path for path in home.artifacts.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib")]
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]


def test_it_loads_where_second_look_is_not_installed(
    home: Home, registered: Registered, learned: Learned, tmp_path: Path
) -> None:
    """With the libraries of the package, and only the code that came with it."""
    rows = learned.later.head(20)
    rows.to_parquet(tmp_path / "rows.parquet")
    program = f"""
import sys
sys.path = [path for path in sys.path if path and path != {str(ROOT)!r}]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import mlflow, pandas
mlflow.set_tracking_uri({home.tracking_uri!r})
model = mlflow.pyfunc.load_model("models:/{MODEL_NAME}/{registered.version}")
model.predict(pandas.read_parquet("rows.parquet")).to_parquet("scored.parquet")
import features
print(features.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout
    assert "code/features" in done.stdout
    records = TrackRecord(learned.bundle.record_settings).look_up(rows)
    ours = score(learned.bundle, rows, records).overturn_probability
    assert np.array_equal(
        pd.read_parquet(tmp_path / "scored.parquet")["overturn_probability"], ours
    )


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_ends_with_its_block(
    home: Home, client: mlflow.MlflowClient, tmp_path: Path, error: BaseException, status: str
) -> None:
    with (
        pytest.raises(type(error)),
        run_of(home, client, name="ends", working_folder=tmp_path) as run,
    ):
        raise error
    ended = client.get_run(run.info.run_id)
    assert ended.info.status == status
    assert "working_folder" not in ended.data.tags


@pytest.mark.slow
def test_a_run_that_was_killed_is_ended_by_the_next(
    home: Home, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    program = f"""
import time
from pathlib import Path
from features.home import open_home
from training.runs import run_of
from training.tracking import tracked
home = open_home(Path({str(home.path)!r}))
with tracked(home) as client:
    with run_of(home, client, name="killed", working_folder=Path({str(folder)!r})) as run:
        print(run.info.run_id, flush=True)
        time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        number = child.stdout.readline().decode().strip()
        os.kill(child.pid, signal.SIGKILL)
    with run_of(home, client, name="beside", working_folder=tmp_path):
        assert (
            client.get_run(number).info.status == "RUNNING"
        )  # its folder may be of a live process
    folder.rmdir()
    with run_of(home, client, name="next", working_folder=tmp_path):
        assert client.get_run(number).info.status == "KILLED"


def test_what_ends_before_the_alias_leaves_a_whole_version(
    home: Home,
    client: mlflow.MlflowClient,
    learned: Learned,
    trial: Trial,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = client.get_model_version_by_alias(MODEL_NAME, "challenger").version
    monkeypatch.setattr(mlflow.MlflowClient, "set_registered_model_alias", stop)
    with pytest.raises(KeyboardInterrupt):
        log(home, learned.bundle, trial, tmp_path, None)
    latest = max(
        client.search_model_versions(f"name='{MODEL_NAME}'"), key=lambda each: int(each.version)
    )
    assert client.get_model_version_by_alias(MODEL_NAME, "challenger").version == before
    assert int(latest.version) > int(before)
    assert latest.tags["verdict"] == "unjudged"
    folder = mlflow.artifacts.download_artifacts(f"models:/{MODEL_NAME}/{latest.version}")
    (bundle,) = Path(folder).rglob("manifest.json")
    assert load_bundle(bundle.parent).fingerprint == latest.tags["fingerprint"]
    assert client.get_run(latest.run_id).info.status == "KILLED"


def test_what_ends_before_the_model_is_logged_leaves_no_version(
    home: Home,
    client: mlflow.MlflowClient,
    learned: Learned,
    trial: Trial,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    count = len(client.search_model_versions(f"name='{MODEL_NAME}'"))
    monkeypatch.setattr(mlflow.pyfunc, "log_model", stop)
    path = sys.path.copy()
    with pytest.raises(KeyboardInterrupt):
        log(home, learned.bundle, trial, tmp_path, None)
    assert len(client.search_model_versions(f"name='{MODEL_NAME}'")) == count
    assert sys.path == path
