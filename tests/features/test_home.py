"""The home folder: made once, its keys kept and kept close, its settings checked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from features.errors import HomeError, SettingsError
from features.home import (
    Home,
    Settings,
    make_home,
    open_home,
    parse_settings,
)
from features.home_templates import GATES_TEMPLATE, POLICIES_TEMPLATE, SETTINGS_TEMPLATE


@pytest.fixture
def made(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


def test_only_the_owner_reads_the_keys_and_enters_the_folder(made: Home) -> None:
    assert stat.S_IMODE(made.secrets_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o700


def test_making_it_again_keeps_keys_settings_and_policies(made: Home) -> None:
    made.settings_file.write_text("capacity_share = 0.02")
    made.policies_file.write_text("[policy.spam]\nminimum_audits = 3")
    keys = made.secrets()
    again = make_home(made.path)
    assert (again.secrets().sampling, again.secrets().pseudonyms) == (
        keys.sampling,
        keys.pseudonyms,
    )
    assert again.settings().capacity_share == 0.02
    assert again.policies().minimums() == {"spam": 3}


def test_two_homes_have_different_keys_and_each_key_is_of_its_own(tmp_path: Path) -> None:
    one, other = (make_home(tmp_path / name).secrets() for name in ("one", "other"))
    keys = {one.sampling, one.pseudonyms, other.sampling, other.pseudonyms}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert one.key_id != other.key_id


def test_the_keys_are_not_shown_when_printed(made: Home) -> None:
    keys = made.secrets()
    assert keys.sampling.hex() not in repr(keys)
    assert str(keys.sampling) not in repr(keys)


def test_the_templates_hold_the_defaults(made: Home) -> None:
    assert made.settings() == Settings()
    assert SETTINGS_TEMPLATE
    assert made.policies_file.read_text() == POLICIES_TEMPLATE
    assert made.gates_file.read_text() == GATES_TEMPLATE


def test_the_template_names_every_setting_with_its_default() -> None:
    lines = [line.split("   #")[0].removeprefix("# ") for line in SETTINGS_TEMPLATE.splitlines()]
    named = {line.split(" = ")[0] for line in lines if " = " in line}
    assert named == set(Settings.__struct_fields__)
    without_default = ("store_url", "audits_per_day", "hours_per_day", "earlier_looks")
    uncommented = "\n".join(line for line in lines[1:] if not line.startswith(without_default))
    assert parse_settings(uncommented) == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("capacity = 3", "capacity"),
        ("capacity_share = 0", "capacity_share"),
        ("capacity_share = 1.01", "capacity_share"),
        ("capacity_share = nan", "capacity_share"),
        ("capacity_share = '5 %'", "float"),
        ("keep_text = 'no'", "keep_text"),
        ("pseudonymise = 0", "pseudonymise"),
        ("dial = 3", "dial"),
        ("audits_per_day = 0", "audits_per_day"),
        ("hours_per_day = 8\naudits_per_day = 40", "expected one of them at most"),
        ("[settings]", "settings"),
        ("not toml", "secondlook.toml"),
    ],
)
def test_a_setting_that_is_not_known_or_out_of_range_is_refused(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_settings(text)


def test_settings_that_are_not_utf_8_are_refused(made: Home) -> None:
    made.settings_file.write_bytes("dial = 'é'".encode("latin-1"))
    with pytest.raises(SettingsError, match="cannot be read"):
        made.settings()


def test_without_a_settings_file_all_have_their_defaults(made: Home) -> None:
    made.settings_file.unlink()
    assert made.settings() == Settings()


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"key_id": "k", "sampling": "xyz"}'])
def test_damaged_keys_are_told_and_never_shown(made: Home, damage: str) -> None:
    made.secrets_file.write_text(damage)
    with pytest.raises(HomeError, match="missing or damaged") as caught:
        made.secrets()
    assert "xyz" not in str(caught.value)


def test_a_home_that_was_not_made_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="run `secondlook init --home"):
        open_home(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_home_that_was_made_is_opened(made: Home) -> None:
    assert open_home(made.path) == made


def test_a_home_where_a_file_stands_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(HomeError, match="cannot be made"):
        make_home(tmp_path / "taken")


def test_its_paths_do_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = make_home(Path("relative"))
    assert home.path == tmp_path / "relative"
    assert home.store_url() == f"sqlite:///{tmp_path / 'relative' / 'store.db'}"


def test_the_store_may_lie_elsewhere(made: Home) -> None:
    made.settings_file.write_text('store_url = "postgresql+psycopg://user@host/db"')
    assert made.store_url() == "postgresql+psycopg://user@host/db"


def test_plain_ids_are_kept_only_where_the_settings_ask_for_it(made: Home) -> None:
    assert made.pseudonym_key() == made.secrets().pseudonyms
    made.settings_file.write_text("pseudonymise = false")
    assert made.pseudonym_key() is None
