"""The house holds: rooms see one way, nothing is pickled, and what exists is documented."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import typer

import secondlook
from features import errors
from features.contract import DECISIONS, OUTCOMES, Table
from features.home import Settings
from serving.operations import OPERATIONS, Operation
from serving.settings import Limits, ServiceSettings, as_environment

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("features", "models", "training", "serving", "monitoring")
MAY_IMPORT = {
    "features": set(),
    "models": {"features"},
    "training": {"features", "models"},
    "serving": {"features", "models"},
    "monitoring": {"features", "models"},
}
ONLY_IN = {"mlflow": "training", "bentoml": "serving", "evidently": "monitoring"}
UNSAFE = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "factory"}
LONGEST_MODULE = 400

MODULES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.relative_to(ROOT).parts
)
FRONT = [
    *(ROOT / "secondlook.py", ROOT / "demonstration.py"),
    *sorted((ROOT / "commands").glob("*.py")),
]
MIGRATIONS = sorted((ROOT / "features" / "migrations").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the first part of each module that is imported, wherever, and the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            own = "." * node.level or (node.module or "").split(".")[0]
            yield own, node.lineno
        elif isinstance(node, ast.Call) and _is_import_by_name(node):
            argument = node.args[0]
            assert isinstance(argument, ast.Constant), f"{name_of(path)}:{node.lineno}: a name made"
            yield str(argument.value).split(".")[0], node.lineno


def _is_import_by_name(node: ast.Call) -> bool:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else None
    called = node.func.id if isinstance(node.func, ast.Name) else called
    return called in ("import_module", "__import__") and bool(node.args)


def documents() -> str:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def test_there_are_modules_in_every_room() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in MODULES} == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_only_the_floors_beneath(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    forbidden = {*ROOMS, "secondlook", "demonstration", "tests", "benchmarks"} - {room}
    forbidden -= MAY_IMPORT[room]
    assert [(name, line) for name, line in imports(path) if name in forbidden] == []


@pytest.mark.parametrize("path", [*MODULES, *FRONT], ids=name_of)
def test_each_platform_is_known_to_one_room_alone(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    strange = [(n, line) for n, line in imports(path) if n in ONLY_IN and ONLY_IN[n] != room]
    assert strange == []


@pytest.mark.parametrize("path", [*MODULES, *FRONT, *MIGRATIONS], ids=name_of)
def test_nothing_is_pickled(path: Path) -> None:
    assert [(name, line) for name, line in imports(path) if name in UNSAFE] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_import_at_the_top_and_by_full_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    late = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and (id(node) not in top or (isinstance(node, ast.ImportFrom) and node.level))
        and _own_room(node)
    ]
    assert late == [], "an import inside a function or under a condition hides a circle"


def _own_room(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return bool(node.level) or (node.module or "").split(".")[0] in ROOMS
    return any(alias.name.split(".")[0] in ROOMS for alias in node.names)


@pytest.mark.parametrize("path", [*MODULES, *FRONT], ids=name_of)
def test_no_module_is_a_drawer(path: Path) -> None:
    words = {
        word for part in path.relative_to(ROOT).with_suffix("").parts for word in part.split("_")
    }
    assert not words & DRAWERS


@pytest.mark.parametrize("path", [*MODULES, *FRONT], ids=name_of)
def test_a_module_is_one_idea_long_at_most(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", [*MODULES, *FRONT], ids=name_of)
def test_a_module_opens_with_what_it_promises(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def commands(app: typer.Typer, *before: str) -> Iterator[str]:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        yield " ".join((*before, name))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, *before, str(group.name))


def test_the_commands_that_were_promised_are_there() -> None:
    promised = {"init", "simulate", "load", "train", "promote", "serve"}
    promised |= {"rank", "outcomes", "monitor", "report", "demo"}
    assert promised <= set(commands(secondlook.app))


@pytest.mark.parametrize("command", list(commands(secondlook.app)))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"(`|secondlook ){re.escape(command)}\b", documents())


@pytest.mark.parametrize("setting", Settings.__struct_fields__)
def test_every_setting_of_a_programme_is_documented(setting: str) -> None:
    assert f"`{setting}`" in documents()


def test_every_setting_of_the_service_is_documented() -> None:
    text = documents()
    keys = set(as_environment(ServiceSettings(Path("home"))))
    assert len(keys) == len(Limits.__struct_fields__) + 1
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_route_is_documented(operation: Operation) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert operation.path in page


@pytest.mark.parametrize("table", [DECISIONS, OUTCOMES], ids=["decisions", "outcomes"])
def test_every_column_of_the_contract_is_documented(table: Table) -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    section = page.split(f"## {table.name.capitalize()}\n")[1]
    named = re.findall(r"^\| `([^`]+)`", section.split("\n## ")[0], flags=re.MULTILINE)
    assert [name for name in named if "*" not in name] == list(table.by_name)


def test_every_error_stands_in_the_tree() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.SecondLookError)
    ]
    tree = errors.__doc__ or ""
    assert [c.__name__ for c in classes if not re.search(rf"\b{c.__name__}\b", tree)] == []
    drawn = set(re.findall(r"\b\w+Error\b", tree))
    assert drawn == {c.__name__ for c in classes}


def test_every_public_error_is_defined_in_the_tree_alone() -> None:
    strays = []
    for path in MODULES:
        if path.name == "errors.py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                if not bases & set(vars(errors)):
                    strays.append(f"{name_of(path)}: {node.name}")
    assert strays == []


def test_importing_the_rooms_reads_no_environment() -> None:
    readers = []
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                continue
            text = ast.unparse(node)
            if "os.environ[" in text or "os.environ.get(" in text or "getenv(" in text:
                readers.append(f"{name_of(path)}:{node.lineno}")
    assert readers == []


def test_settings_refuse_what_they_do_not_know() -> None:
    for struct in (Settings, Limits):
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert({"nonsense": 1}, struct)
