"""The gates file: defaults shown, what is not known refused; the verdict as a table."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from features.errors import SettingsError
from features.home import make_home
from features.home_templates import GATES_TEMPLATE
from training.gates import Gates, Judged, Outcome, Verdict, parse_gates, read_gates


def uncommented(template: str) -> str:
    return "\n".join(line.removeprefix("# ") for line in template.splitlines()[1:])


def test_the_template_names_every_limit_with_its_default() -> None:
    shown = uncommented(GATES_TEMPLATE)
    assert parse_gates(shown, "gates.toml") == Gates()
    names = [line.split(" = ")[0] for line in shown.splitlines() if " = " in line]
    defaults = msgspec.to_builtins(Gates())
    assert names == [limit for table in defaults.values() for limit in table]


def test_a_new_home_has_the_defaults(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    assert read_gates(home.gates_file) == Gates()
    home.gates_file.unlink()
    assert read_gates(home.gates_file) == Gates()


def test_a_table_that_is_there_in_part_leaves_the_other_limits(tmp_path: Path) -> None:
    file = tmp_path / "gates.toml"
    file.write_text("[segments]\nfewest_audits = 30\n[data]\nrate_ratio = 2.5")
    gates = read_gates(file)
    assert (gates.segments.fewest_audits, gates.data.rate_ratio) == (30, 2.5)
    assert gates.model == Gates().model
    assert gates.segments.capture_loss == Gates().segments.capture_loss


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[segment]\nburden = 3", "segment"),
        ("[model]\nlift = 0.5", "lift"),
        ("[model]\nbudget = 5", "budget"),
        ("[segments]\nfewest_audits = 0", "fewest_audits"),
        ("[segments]\ncapture_loss = 'none'", "capture_loss"),
        ("[segments]\ncapture_loss = nan", "capture_loss"),
        ("not toml", "gates.toml"),
    ],
)
def test_a_limit_that_is_not_known_or_out_of_range_is_refused(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_gates(text, "gates.toml")


def test_gates_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "gates.toml"
    file.write_bytes("# é".encode("latin-1"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_gates(file)


def test_a_verdict_fails_by_its_failures_alone_and_tells_them_first() -> None:
    passed = Judged("capture", "everything", Outcome.PASSED, "as good")
    unknown = Judged("capture", "language = hi", Outcome.UNKNOWN, "too few", audits=7)
    failed = Judged("capture", "language = en", Outcome.FAILED, "lost 60 points", limit=-0.1)
    assert Verdict((passed, unknown), None).passed
    verdict = Verdict((passed, unknown, failed), "abc")
    assert not verdict.passed
    assert verdict.failed == (failed,)
    assert verdict.unknown == (unknown,)
    assert verdict.reasons == ("capture, language = en: lost 60 points",)
    table = verdict.table()
    assert table["outcome"].tolist() == ["failed", "unknown", "passed"]
    assert table["limit"].tolist()[0] == -0.1
    assert table["champion"].isna().all()
    assert table["audits"].tolist() == [0, 7, 0]


@pytest.mark.parametrize("table", ["model", "segments"])
def test_every_limit_is_documented(table: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
    limits = msgspec.to_builtins(Gates())[table]
    assert [name for name in limits if f"`{name}`" not in page] == []
