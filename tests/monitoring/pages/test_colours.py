"""The colours of the pages: readable on every ground, and told apart by those who see fewer."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from monitoring.pages import make_environment

TEXTS = ("ink", "soft", "accent", "warn", "good")
MARKS = ("accent", "warn", "third", "reference", "good")
SERIES = ("accent", "warn", "third")
"""Colours that tell lines and dots of one chart apart."""
LEAST_DIFFERENCE = 15.0
"""CIE76 difference; 2.3 is just noticeable, 10 is seen at a glance."""
SEEN = {
    "all": np.eye(3),
    # Machado, Oliveira and Fernandes (2009), full severity, on linear light
    "protanopia": np.array(
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]
    ),
    "deuteranopia": np.array(
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6727, 0.0472], [-0.0118, 0.0429, 0.9689]]
    ),
}
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _XYZ.sum(axis=1)


def themes() -> dict[str, dict[str, str]]:
    css = make_environment().get_template("style.css").render()
    light = css.split("@media (prefers-color-scheme: dark)")[0]
    dark = css.split('[data-theme="dark"] {')[1].split("}")[0]
    printed = css.split("@media print")[1]
    return {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", block))
        for name, block in (("light", light), ("dark", dark), ("print", printed))
    }


THEMES = themes()


def linear(colour: str) -> np.ndarray:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    light = np.array([int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)])
    return np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(_XYZ[1] @ linear(each)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, seen: np.ndarray) -> np.ndarray:
    scaled = _XYZ @ np.clip(seen @ linear(colour), 0, 1) / _WHITE
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["page", "sheet", "warn-soft"])
def test_text_stands_out_from_its_ground(theme: str, ground: str) -> None:
    colours = THEMES[theme]
    for text in TEXTS:
        assert contrast(colours[text], colours[ground]) >= 4.5, text


@pytest.mark.parametrize("theme", THEMES)
def test_marks_stand_out_from_the_sheet(theme: str) -> None:
    colours = THEMES[theme]
    for mark in MARKS:
        assert contrast(colours[mark], colours["sheet"]) >= 3, mark


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", SEEN)
def test_series_are_told_apart_with_any_eyes(theme: str, eyes: str) -> None:
    colours = [lab(THEMES[theme][name], SEEN[eyes]) for name in SERIES]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(one - other) >= LEAST_DIFFERENCE
