"""What is shipped: the service's own environment, the bento, and the image."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving.launch import base_url, free_port, service, stop
from tests.serving.small_home import SmallHome

ROOT = Path(__file__).resolve().parents[2]
SERVING = ROOT / "serving"
LEFT_OUT = ("mlflow", "evidently", "matplotlib")
EXPORT = "uv export --locked --no-default-groups --extra tracing --no-emit-project --no-annotate"


def requirements() -> str:
    return (SERVING / "requirements.txt").read_text(encoding="utf-8")


def pinned(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, flags=re.MULTILINE))


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that makes the import of what a service does without an error."""
    folder = tmp_path / "without"
    for name in LEFT_OUT:
        (folder / name).mkdir(parents=True)
        message = f"raise ModuleNotFoundError('no {name} here', name={name!r})\n"
        (folder / name / "__init__.py").write_text(message, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_the_pinned_requirements_are_those_of_the_lock() -> None:
    command = [*EXPORT.replace("--locked", "--frozen").split(), "--no-header", "--offline", "-q"]
    exported = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert exported.returncode == 0, exported.stderr
    message = f"run: {EXPORT} --no-header -o serving/requirements.txt"
    assert exported.stdout == requirements(), message


def test_a_service_is_installed_without_what_only_training_and_reports_need() -> None:
    names = pinned(requirements())
    assert {"bentoml", "lightgbm", "sqlalchemy", "msgspec"} <= names
    assert not names & {*LEFT_OUT, "mlflow-skinny", "plotly", "pytest", "cleanlab"}


def test_every_requirement_is_pinned_by_hash() -> None:
    parts = requirements().split("\n")
    named = [number for number, line in enumerate(parts) if line and not line.startswith(" ")]
    assert len(named) > 80
    assert all("--hash=sha256:" in parts[number + 1] for number in named)


def test_what_is_left_out_is_missing_where_the_tests_say_so(without: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", "import mlflow"], capture_output=True, text=True)
    assert "no mlflow here" in ran.stderr


@pytest.mark.slow
def test_a_command_that_needs_more_says_which_extra(without: Path, tmp_path: Path) -> None:
    front, home = [sys.executable, "-m", "secondlook"], str(tmp_path / "home")
    subprocess.run([*front, "init", "--home", home], check=True, cwd=ROOT, capture_output=True)
    command = [*front, "train", "--home", home]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "install the extra `training`" in ran.stderr


@pytest.mark.slow
def test_the_service_runs_where_they_cannot_be_imported(
    without: Path, small_home: SmallHome, tmp_path: Path
) -> None:
    with service(small_home.home, log=tmp_path / "service.log") as url:
        assert_ranks(url, small_home)


def assert_ranks(url: str, home: SmallHome) -> None:
    headers = {"Authorization": f"Bearer {home.admin_key}"}
    body = {"decisions": home.later_rows(5), "capacity": 2}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        answer = client.post("/v1/rank", json=body)
        assert (answer.status_code, answer.json()["selected"]) == (200, 2)
        assert client.get("/v1/openapi.json").json()["info"]["version"]
        assert client.get("/v1/docs").status_code == 200


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a bento was built."""
    home = tmp_path_factory.mktemp("bentoml")
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag", str(ROOT)]
    ran = subprocess.run(
        command, env=bentoml_environment(home), cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    (found,) = (path for path in (home / "bentos" / "second_look").iterdir() if path.is_dir())
    return found


def bentoml_environment(home: Path) -> dict[str, str]:
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(home)}
    return dict(os.environ) | quiet | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_bento_holds_the_service_and_nothing_else(bento: Path) -> None:
    source = bento / "src"
    files = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    assert {path.parts[0] for path in files if len(path.parts) > 1} == {
        *("commands", "features", "models", "serving"),
    }
    alone = {path.name for path in files if len(path.parts) == 1}
    assert alone - {"bentofile.yaml"} == {"LICENSE", "pyproject.toml", "secondlook.py"}
    assert {path.suffix for path in files} <= {"", ".py", ".html", ".mako", ".toml", ".yaml"}
    own = {
        path.relative_to(ROOT)
        for room in ("commands", "features", "models", "serving")
        for path in (ROOT / room).rglob("*.py")
    }
    assert own <= set(files)
    built = (bento / "env" / "python" / "requirements.txt").read_text(encoding="utf-8")
    assert pinned(built) == pinned(requirements())


@pytest.mark.slow
def test_a_bento_serves(bento: Path, without: Path, small_home: SmallHome, tmp_path: Path) -> None:
    with serving(bento, small_home, tmp_path / "bento.log") as url:
        assert_ranks(url, small_home)


@contextmanager
def serving(bento: Path, home: SmallHome, log: Path) -> Iterator[str]:
    host, tag = "127.0.0.1", f"second_look:{bento.name}"
    port = free_port(host)
    command = [sys.executable, "-m", "bentoml", "serve", tag, "--host", host, "--port", str(port)]
    environment = bentoml_environment(bento.parents[2])
    environment["SECONDLOOK_HOME"] = str(home.home.path)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = base_url(host, port)
        client = httpx.Client(transport=httpx.HTTPTransport(retries=30))
        with client:
            for _ in range(300):
                try:
                    if client.get(f"{url}/readyz", timeout=5).status_code == 200:
                        break
                except httpx.HTTPError:
                    pass
            else:
                pytest.fail(log.read_text(encoding="utf-8")[-3000:])
        yield url
    finally:
        stop(process)


def test_the_image_copies_only_what_there_is_and_what_a_service_needs() -> None:
    text = (SERVING / "Containerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, flags=re.MULTILINE)
    sources = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in sources)
    assert sources == {
        *("LICENSE", "pyproject.toml", "secondlook.py", "serving/requirements.txt"),
        *("commands", "features", "models", "serving"),
    }
    context = (SERVING / "Containerfile.dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {line[1:] for line in context if line.startswith("!")}
    assert allowed == {name for name in sources if "/" not in name}
    assert context[0] == "*"


def test_the_image_does_not_run_as_root_and_installs_by_hash() -> None:
    text = (SERVING / "Containerfile").read_text(encoding="utf-8")
    last_stage = text.split("\nFROM ")[-1]
    (user,) = re.findall(r"^USER (\d+):\d+$", last_stage, flags=re.MULTILINE)
    assert int(user) >= 1000
    assert "--require-hashes" in text
    assert "ENTRYPOINT" in last_stage.split("USER")[1]


def test_the_rooms_of_training_and_reports_have_extras_of_their_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {re.split(r"[\[<>=;]", line)[0] for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    assert not core & set(LEFT_OUT)
    assert any(line.startswith("mlflow>=") for line in extras["training"])
    assert any(line.startswith("evidently>=") for line in extras["monitoring"])
