from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import pytest

from monitoring.pages import PAGES, Book
from monitoring.period import Period
from monitoring.vega import chart, write_charts_script

NOW = datetime(2026, 1, 9, 8, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path, period=Period("a", NOW, NOW, NOW, NOW), now=NOW)
    whole = '{% extends "base.html" %}{% block title %}T{% endblock %}{% block content %}'
    pages = {name: whole + "<h1>T</h1>{{ drawn }}{% endblock %}" for name, _ in PAGES}
    assert isinstance(made.environment.loader, jinja2.FileSystemLoader)
    made.environment.loader = jinja2.ChoiceLoader(
        [jinja2.DictLoader(pages), made.environment.loader]
    )
    return made


def links(path: Path) -> list[str]:
    navigation = re.search(r"<nav.*?</nav>", path.read_text(encoding="utf-8"), flags=re.S)
    assert navigation is not None
    return re.findall(r'href="([^"]+)"', navigation[0])


def test_only_pages_that_were_written_are_linked_in_the_order_of_the_meeting(book: Book) -> None:
    for name in ("plan.html", "leads.html", "index.html"):
        book.write(name, drawn="")
    for name in ("plan.html", "leads.html", "index.html"):
        assert links(book.folder / name) == ["index.html", "leads.html", "plan.html"]


def test_the_page_at_hand_is_marked(book: Book) -> None:
    text = book.write("plan.html", drawn="").read_text(encoding="utf-8")
    assert '<a href="plan.html" aria-current="page">' in text


def test_only_a_page_with_charts_loads_vega(book: Book) -> None:
    plain = book.write("plan.html", drawn="").read_text(encoding="utf-8")
    assert not (book.folder / "charts.js").exists()
    charted = book.write("leads.html", drawn=chart({"mark": "bar"}, label="Bars"))
    assert 'src="charts.js"' not in plain
    assert 'src="charts.js"' in charted.read_text(encoding="utf-8")
    assert (book.folder / "charts.js").stat().st_size > 500_000
    assert (book.folder / "page.js").is_file()


def test_a_name_that_a_template_misses_is_an_error(book: Book) -> None:
    with pytest.raises(jinja2.UndefinedError):
        book.write("plan.html")


def test_a_bundle_of_the_same_version_is_not_made_again(tmp_path: Path) -> None:
    charts = write_charts_script(tmp_path)
    first_line = charts.read_text(encoding="utf-8").splitlines()[0]
    charts.write_text(f"{first_line}\nleft as it is\n", encoding="utf-8")
    write_charts_script(tmp_path)
    assert charts.read_text(encoding="utf-8").endswith("left as it is\n")


def test_a_label_of_a_chart_cannot_end_its_element() -> None:
    label = '"><script>alert(1)</script>'
    drawn = str(chart({"mark": "bar", "title": "</script><b>"}, label=label))
    assert drawn.count("</script>") == 1
    assert "<b>" not in drawn
    spec = re.search(r'application/json">(.*)</script>', drawn)
    assert spec is not None
    assert json.loads(spec[1])["title"] == "</script><b>"


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        chart({"data": {"values": [{"a": float("nan")}]}}, label="Bars")
