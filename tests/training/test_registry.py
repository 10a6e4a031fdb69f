"""The registry: which versions may be promoted, and who has which alias."""

from __future__ import annotations

import pytest

from features.errors import HomeError, PromotionError
from features.home import Home
from tests.training.two_versions import aliases_of, mark_verdict
from training.promotion import promote, rollback
from training.settling import settle
from training.status import status
from training.tracking import MODEL_NAME, tracked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


@pytest.fixture
def home(serving: Home) -> Home:
    return serving


def test_a_verdict_that_cannot_be_read_is_no_pass(home: Home) -> None:
    mark_verdict(home, "2", "fine")
    with pytest.raises(PromotionError, match="saw 'fine'; expected passed, failed, unjudged"):
        promote(home, version="2")


def test_a_version_that_was_not_registered_whole_is_refused(home: Home) -> None:
    with tracked(home) as client:
        client.delete_model_version_tag(MODEL_NAME, "2", "fingerprint")
    with pytest.raises(HomeError, match="not registered whole"):
        promote(home)
    assert [each.number for each in status(home).versions] == ["1"]


def test_an_alias_of_a_version_that_was_taken_out_of_the_registry_goes_too(home: Home) -> None:
    promote(home, version="2")
    with tracked(home) as client:
        client.delete_model_version(MODEL_NAME, "1")
    assert settle(home)
    assert aliases_of(home) == {"champion": "2", "challenger": "2"}
    assert rollback(home).published.model_version.startswith("1-")
    assert aliases_of(home) == {"challenger": "2", "previous": "2"}
