"""Which code learned a model: the release, and a hash of what decides the outcome of training."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_ROOMS = ("features", "models", "training")


@cache
def code_version() -> str:
    """Return the release, a plus, and 8 hex digits over the sources that learn a model.

    Alike in a clone, an image and an installed package; different after any change of them.

    Examples
    --------
    >>> release, sources = code_version().split("+")
    >>> len(sources)
    8
    """
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{version('secondlook')}+{digest.hexdigest()[:8]}"
