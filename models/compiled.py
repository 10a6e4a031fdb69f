"""Trees as machine code: what a bundle's trees say, several times as fast, where that is wanted.

The extra ``compiled`` brings lleaves (MIT), which turns LightGBM's text into machine code by LLVM.
Answers differ from LightGBM's by rounding alone, below 1e-12. ``secondlook promote --compile``
makes it, in about half a minute; the service only loads it, in milliseconds. Where a programme that
has compiled before has nothing for the bundle that serves, or the extra is missing, LightGBM serves
and the log says so. Reasons always read LightGBM's trees.

What is compiled lies in a folder of the home that only its owner may enter, and is never part of a
bundle: it is code, and a bundle that came from elsewhere must not bring any. It is named by the
digest of the trees, the versions of the compiler and the processor it was made for.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.errors import SettingsError
from features.home import Home
from models.arrays import Floats
from models.bundle import Bundle
from models.publication import Published, open_champion

_ROWS_AT_ONCE = 8_192  # machine code reads row by row: so many are laid out for it at a time

_log = logging.getLogger("secondlook.compiled")


@dataclass(frozen=True, slots=True)
class CompiledTrees:
    """A booster whose predictions are compiled; for all else it is asked itself.

    Attributes
    ----------
    booster
        LightGBM's.
    machine
        The same trees, as lleaves loaded them.
    raw_score
        Whether they were compiled to give log-odds rather than probabilities.
    """

    booster: lgb.Booster
    machine: Any
    raw_score: bool

    def predict(self, matrix: Floats, *, raw_score: bool = False, **asked: Any) -> Floats:
        """Return what the booster would, for a tree matrix of shape (rows, features)."""
        if raw_score != self.raw_score or set(asked) - {"num_threads"} or not len(matrix):
            return np.asarray(self.booster.predict(matrix, raw_score=raw_score, **asked))
        return np.concatenate(
            [
                self.machine.predict(np.ascontiguousarray(rows, dtype=np.float64), n_jobs=1)
                for rows in np.split(matrix, range(_ROWS_AT_ONCE, len(matrix), _ROWS_AT_ONCE))
            ]
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.booster, name)


def compiled_folder(home: Home) -> Path:
    """Return where a programme keeps what it compiled."""
    return home.path / "compiled"


def open_serving(home: Home) -> Published:
    """Open the bundle that serves, with its trees compiled where they are.

    Raises
    ------
    HomeError
        If none was published yet.
    BundleError
        If it does not check out.
    """
    published = open_champion(home)
    return replace(published, bundle=with_compiled(published.bundle, compiled_folder(home)))


def can_compile() -> bool:
    """Whether the extra ``compiled`` is installed."""
    return find_spec("lleaves") is not None


def compile_bundle(bundle: Bundle, folder: Path) -> None:
    """Compile the trees of a bundle into a folder, unless they are there.

    Raises
    ------
    SettingsError
        If the extra is not installed.
    """
    if not can_compile():
        raise SettingsError(
            "compile: the extra `compiled` is not installed; expected it: "
            "`pip install 'secondlook[compiled]'`, or promote without compiling"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for booster, raw_score in _boosters(bundle):
        place = _place(booster, folder, raw_score=raw_score)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                fresh = Path(scratch) / "trees.o"
                _machine(booster, fresh, raw_score=raw_score)
                fresh.chmod(0o600)
                os.replace(fresh, place)


def with_compiled(bundle: Bundle, folder: Path) -> Bundle:
    """Return a bundle that predicts with what `compile_bundle` left; as it was, where it did not.

    Without the folder nobody has asked for compiled trees, and the log says nothing.
    """
    if not folder.is_dir():
        return bundle
    if (lacking := _lacking(bundle, folder)) is not None:
        _log.warning("bundle %s: LightGBM serves: %s", bundle.fingerprint, lacking)
        return bundle
    trees = [_load(booster, folder, raw_score=raw) for booster, raw in _boosters(bundle)]
    usual = bundle.usual and replace(bundle.usual, booster=trees[1])
    _log.info("bundle %s: compiled trees serve", bundle.fingerprint)
    return replace(bundle, risk=replace(bundle.risk, booster=trees[0]), usual=usual)


def _lacking(bundle: Bundle, folder: Path) -> str | None:
    """Return why compiled trees cannot serve; null where they can."""
    if not can_compile():
        return "the extra `compiled` is not installed"
    if any(not _place(b, folder, raw_score=raw).exists() for b, raw in _boosters(bundle)):
        return "its trees are not compiled for this machine; run `secondlook promote --compile`"
    return None


def _boosters(bundle: Bundle) -> Iterator[tuple[lgb.Booster, bool]]:
    """Yield each booster, and whether it is asked for log-odds."""
    yield bundle.risk.booster, True
    if bundle.usual is not None:
        yield bundle.usual.booster, False


def _load(booster: lgb.Booster, folder: Path, *, raw_score: bool) -> CompiledTrees:
    place = _place(booster, folder, raw_score=raw_score)
    return CompiledTrees(booster, _machine(booster, place, raw_score=raw_score), raw_score)


def _machine(booster: lgb.Booster, place: Path, *, raw_score: bool) -> Any:
    """Load the trees from a place, or compile them to it where it is empty."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as text:
        text.write(booster.model_to_string())
        text.flush()
        machine = import_module("lleaves").Model(text.name)
        machine.compile(cache=str(place), raw_score=raw_score)
    return machine


def _place(booster: lgb.Booster, folder: Path, *, raw_score: bool) -> Path:
    llvm = import_module("llvmlite.binding")
    versions = [import_module("importlib.metadata").version(n) for n in ("lleaves", "llvmlite")]
    processor = [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    named = "\n".join([str(raw_score), *versions, *processor, booster.model_to_string()])
    return folder / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.o"
