from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import SettingsError
from serving.settings import Limits, ServiceSettings, as_environment, read_settings


def test_a_home_is_all_that_is_needed() -> None:
    assert read_settings({"SECONDLOOK_HOME": "/h"}) == ServiceSettings(Path("/h"))


def test_a_missing_home_is_named() -> None:
    with pytest.raises(SettingsError, match="SECONDLOOK_HOME: not set"):
        read_settings({})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SECONDLOOK_MAX_ROWS", "0"),
        ("SECONDLOOK_MAX_BODY_BYTES", "64 MiB"),
        ("SECONDLOOK_ANSWER_TIMEOUT_S", "nan"),
        ("SECONDLOOK_THREADS", "1000"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_key(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{key}: saw '{value}'"):
        read_settings({"SECONDLOOK_HOME": "/h", key: value})


def test_limits_pass_into_another_process_unchanged() -> None:
    settings = ServiceSettings(Path("/h"), Limits(max_rows=7, read_timeout_s=1.5))
    assert read_settings(as_environment(settings)) == settings
