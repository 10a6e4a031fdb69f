"""One small model, learned once from a simulated fortnight, for all tests of what is fitted."""

from __future__ import annotations

import pytest

from tests.learned import Learned, learn_small


@pytest.fixture(scope="session")
def learned() -> Learned:
    """A bundle with the decisions and records that it can score."""
    return learn_small()
