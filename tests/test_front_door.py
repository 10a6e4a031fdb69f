"""The commands, as a new user would try them: what they answer and with which exit status."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from features.errors import SecondLookError
from features.home import Home
from secondlook import main

GOOD = {
    "decision_id": ["a", "b"],
    "decided_at": ["2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z"],
    "policy": ["spam", "spam"],
    "action": ["keep", "remove"],
}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    status: int
    out: str
    error: str


class Front:
    """The front door, in this process: what a command printed and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str | Path) -> Answer:
        """Run a command."""
        self.capsys.readouterr()
        status = 0
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
        printed = self.capsys.readouterr()
        return Answer(status, printed.out, printed.err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Front:
    """Run a command as the front door does."""
    return Front(capsys)


def csv(folder: Path, columns: Mapping[str, Sequence[object]], name: str = "week.csv") -> Path:
    """Write a table as a team would hand it over."""
    pd.DataFrame(columns).to_csv(folder / name, index=False)
    return folder / name


def test_init_makes_a_home_and_a_second_time_keeps_it(run: Front, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("init", "--home", home).status == 0
    keys = (home / "secrets.json").read_text()
    assert run("init", "--home", home).status == 0
    assert (home / "secrets.json").read_text() == keys


def test_a_file_is_loaded_once(run: Front, home: Home, tmp_path: Path) -> None:
    path = csv(tmp_path, GOOD)
    assert run("load", path, "--home", home.path).out.strip() == "2 new, 0 unchanged"
    assert run("load", path, "--home", home.path).out.strip() == "0 new, 2 unchanged"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"policy": None}, "column 'policy': saw no such column"),
        ({"severity": [1, 2]}, "column 'severity': saw a column that is not in the contract"),
        (
            {"decided_at": ["2026-03-01T10:00:00Z", "01.03.2026"]},
            "row 1, column 'decided_at': saw '01.03.2026'; expected a UTC date",
        ),
        ({"decision_id": ["a", "a"]}, "row 1, column 'decision_id': saw 'a' again"),
        ({"automated_score": [0.5, 1.5]}, "row 1, column 'automated_score': saw '1.5'"),
        ({"policy": ["spam", ""]}, "row 1, column 'policy': saw null"),
        (
            {"decided_at": ["2026-03-01T10:00:00Z", "2062-03-01T10:00:00Z"]},
            "row 1, column 'decided_at': saw '2062-03-01 10:00:00+00:00'; expected",
        ),
    ],
)
def test_a_bad_file_is_told_by_row_and_column_and_nothing_is_loaded(
    run: Front, home: Home, tmp_path: Path, change: Mapping[str, Sequence[object] | None], said: str
) -> None:
    merged = {**GOOD, **change}
    columns = {name: values for name, values in merged.items() if values is not None}
    answer = run("load", csv(tmp_path, columns), "--home", home.path)
    assert answer.status == 1
    assert said in answer.error
    assert "Traceback" not in answer.error
    assert run("load", csv(tmp_path, GOOD), "--home", home.path).out.startswith("2 new")


def test_skip_bad_keeps_the_good_rows_and_writes_the_others_beside(
    run: Front, home: Home, tmp_path: Path
) -> None:
    path = csv(tmp_path, {**GOOD, "decided_at": ["2026-03-01", "soon"]})
    answer = run("load", path, "--skip-bad", "--home", home.path)
    assert answer.status == 1  # 0 only where every row came in
    assert "1 new" in answer.out
    rejected = pd.read_csv(tmp_path / "week.rejected.csv")
    assert rejected["decision_id"].tolist() == ["b"]
    assert "soon" in rejected["problem"].iloc[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "it is empty"), ("decision_id,decided_at,policy,action\n", "saw no rows")],
)
def test_an_empty_file_is_refused(
    run: Front, home: Home, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(content)
    answer = run("load", path, "--home", home.path)
    assert answer.status == 1
    assert said in answer.error


def test_an_outcome_of_an_unknown_decision_is_refused(
    run: Front, home: Home, tmp_path: Path
) -> None:
    outcome = {
        "audit_id": ["x"],
        "decision_id": ["nobody"],
        "audited_at": ["2026-03-02"],
        "verdict": ["correct"],
    }
    answer = run("outcomes", csv(tmp_path, outcome), "--home", home.path)
    assert answer.status == 1
    assert "saw 'nobody'; expected a decision that the store holds; load it first" in answer.error


def test_a_home_that_is_not_made_says_how_to_make_it(run: Front, tmp_path: Path) -> None:
    answer = run("train", "--home", tmp_path / "nowhere")
    assert answer.status == 1
    assert "run `secondlook init" in answer.error


def test_training_on_nothing_says_what_is_missing(run: Front, home: Home) -> None:
    answer = run("train", "--home", home.path)
    assert answer.status == 1
    assert "load outcomes first" in answer.error


def test_ranking_without_a_model_says_what_to_run(run: Front, home: Home, tmp_path: Path) -> None:
    to = tmp_path / "ranked.csv"
    answer = run("rank", csv(tmp_path, GOOD), "--to", to, "--capacity", "1", "--home", home.path)
    assert answer.status == 1
    assert "secondlook train" in answer.error
    assert not to.exists()


def test_debug_shows_the_traceback(run: Front, tmp_path: Path) -> None:
    with pytest.raises(SecondLookError):
        run("--debug", "train", "--home", tmp_path / "nowhere")


def test_keys_are_made_listed_and_revoked(run: Front, home: Home) -> None:
    made = run("key", "create", "--role", "queue", "--home", home.path)
    assert made.status == 0
    key = made.out.strip()
    listed = run("key", "list", "--home", home.path).out
    assert listed.split()[:6] == ["key", "role", "state", "created", "expires", "revoked"]
    [key_id, role, state] = listed.split()[6:9]
    assert (role, state) == ("queue", "valid")
    assert key not in listed
    assert run("key", "revoke", key_id, "--home", home.path).status == 0
    assert f"{key_id}  queue  revoked" in run("key", "list", "--home", home.path).out


def test_a_key_is_rotated_and_the_log_tells_by_whom(run: Front, home: Home) -> None:
    old = run("key", "create", "--role", "auditor", "--home", home.path).out.strip()
    old_id = old.split("_")[1]
    rotated = run("key", "rotate", old_id, "--grace-hours", "2", "--home", home.path)
    assert rotated.status == 0
    new = rotated.out.strip()
    assert new.startswith("sl_")
    listed = run("key", "list", "--home", home.path).out.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        [old_id, "auditor", "expiring"],
        [new.split("_")[1], "auditor", "valid"],
    ]
    assert run("key", "rotate", new.split("_")[1], "--grace-hours", "0", "--home", home.path).out
    log = run("key", "log", "--home", home.path).out
    told = [line.split()[2:5] for line in log.splitlines()[1:]]
    by = f"{pwd.getpwuid(os.getuid()).pw_name}@{platform.node()}"
    first, second = old_id, new.split("_")[1]
    assert told[:3] == [
        [first, "created", by],
        [first, "rotated", by],
        [second, "created", by],
    ]
    assert [line[:2] for line in told[3:]][0] == [second, "rotated"]
    assert not [key for key in (old, new) if key.split("_")[2] in log]


def test_a_key_that_is_not_valid_is_not_rotated(run: Front, home: Home) -> None:
    answer = run("key", "rotate", "ghost", "--home", home.path)
    assert answer.status == 1
    assert "not known or not valid any more" in answer.error
    assert answer.out == ""


def test_an_unknown_role_is_refused(run: Front, home: Home) -> None:
    answer = run("key", "create", "--role", "king", "--home", home.path)
    assert answer.status == 1
    assert "queue" in answer.error


def test_every_command_explains_itself(run: Front) -> None:
    for command in (
        *("init", "simulate", "load", "train", "promote", "serve", "rank", "outcomes"),
        *("monitor", "report", "demo", "key", "plan", "reviews"),
    ):
        answer = run(command, "--help")
        assert answer.status == 0, command
        assert "--h" in answer.out
