"""What a model card is made of: sections of text, tables and figures, and how they are written out.

The HTML and the Markdown are written from the same structure, so neither says what the other does
not. Everything that is put into them is escaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import jinja2
from markupsafe import Markup

from training.card_charts import Axis, draw_axis, draw_whisker

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
_UNBROKEN_PERCENT = "\N{NO-BREAK SPACE}%"
_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure in a table with its 95 % interval, drawn in HTML.

    Attributes
    ----------
    text, between
        Figure and interval as they are read; `between` is empty where it is not known.
    value, low, high
        As they are drawn.
    """

    text: str
    between: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.text} ({self.between})" if self.between else self.text


Cell: TypeAlias = str | Spread


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its first column heads the rows.

    Attributes
    ----------
    caption
        Says what the figures are, with n.
    columns
        Titles.
    rows
        As many cells each as there are columns.
    numbers
        Whether the other columns hold figures, set to the right.
    note
        Stands beneath; empty = none.
    left_out
        Rows that are not shown.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: bool = True
    note: str = ""
    left_out: int = 0

    def axis(self, column: int) -> Axis | None:
        """Return the common axis of the spreads in a column; null where it has none."""
        spreads = [row[column] for row in self.rows]
        ends = [end for s in spreads if isinstance(s, Spread) for end in (s.low, s.high, s.value)]
        return Axis.of(ends) if ends else None


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing.

    Attributes
    ----------
    caption
        Says what is drawn, with n.
    drawn
        Inline SVG with a description of its own.
    """

    caption: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, in this order."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A model card.

    Attributes
    ----------
    title
        Names the model.
    lede
        The card in two or three sentences.
    facts
        What stands on top of it.
    sections
        In the order of reading.
    """

    title: str
    lede: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def as_html(card: Card) -> str:
    """Return the card as one page that needs nothing else, for a browser or a printer."""
    text = _environment(autoescape=True).get_template("card.html").render(card=card)
    return text.replace(" %", _UNBROKEN_PERCENT)


def as_markdown(card: Card) -> str:
    """Return the card as Markdown."""
    environment = _environment(autoescape=False)
    environment.finalize = _plain
    text = environment.get_template("card.md").render(card=card)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def as_note(card: Card, *, most_characters: int = 5_000) -> str:
    """Return the card as Markdown of at most so many characters, for MLflow's pages.

    The last table is halved until it is gone, then the one before, until all fits; where that is
    not enough, the last sections go.
    """
    shorter, text = card, as_markdown(card)
    while len(text) > most_characters and shorter.sections:
        shorter = _halved(shorter) or replace(shorter, sections=shorter.sections[:-1])
        text = as_markdown(
            replace(shorter, sections=(*shorter.sections, *_left_out(card, shorter)))
        )
    return text


def _environment(*, autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"draw_axis": draw_axis, "draw_whisker": draw_whisker}
    return environment


def _plain(value: object) -> object:
    """Return a text on one line without a meaning in Markdown."""
    if not isinstance(value, str | Spread):
        return value
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def _halved(card: Card) -> Card | None:
    """Return the card with its last table halved, or gone; null where there is no table."""
    tables = [table for section in card.sections for table in section.tables]
    if not tables:
        return None
    last = tables[-1]
    kept = len(last.rows) // 2
    out = last.left_out + len(last.rows) - kept
    half = (replace(last, rows=last.rows[:kept], left_out=out),) if kept else ()
    sections = (
        replace(section, figures=(), tables=(*section.tables[:-1], *half))
        if last in section.tables
        else replace(section, figures=())
        for section in card.sections
    )
    return replace(card, sections=tuple(s for s in sections if replace(s, title="") != Section("")))


def _left_out(card: Card, shorter: Card) -> tuple[Section, ...]:
    """Return a section that names those of which nothing is left."""
    kept = {section.title for section in shorter.sections}
    titles = [section.title for section in card.sections if section.title not in kept]
    if not titles:
        return ()
    return (Section("More, in the card itself (model_card.html)", points=tuple(titles)),)
