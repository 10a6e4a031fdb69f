"""Charts that a page draws itself: a Vega-Lite specification in the page, Vega's bundle beside it.

Nothing is loaded from elsewhere. The specification lies in the page as JSON, which a browser never
runs; `page.js` hands it to Vega's own bundle, which the report's folder holds as ``charts.js``.
Vega walks its expressions as a syntax tree, so the content policy need not allow `eval`. Sizes and
the look of axes are set in one place, `page.js`; colours are names of the style sheet
(``"var(--accent)"``), so that they follow the theme and the printer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert
from markupsafe import Markup

CHARTS_SCRIPT = "charts.js"
PAGE_SCRIPTS = ("page.js", "what_if.js")
_ON_THE_WINDOW = "window.vegaEmbed = vegaEmbed;"
_UNDRAWN = "This chart is drawn by a script that lies beside the page; the table holds its figures."


def chart(spec: Mapping[str, object], *, label: str, height: int = 240) -> Markup:
    """Return a chart as a page holds it.

    Parameters
    ----------
    spec
        Of Vega-Lite, with the values within and without ``$schema``, ``width`` and ``height``:
        a chart is as wide as its place.
    label
        What it shows, in words, for those who do not see it.
    height
        Of the drawing, in CSS pixels, above 0.

    Examples
    --------
    >>> drawn = chart({"mark": "bar", "data": {"values": [{"a": "</script>"}]}}, label="Bars")
    >>> "</script>" in drawn.removesuffix("</script></div>")
    False
    >>> 'role="img" aria-label="Bars"' in drawn
    True
    """
    whole = {"width": "container", "height": height, **spec}
    text = json.dumps(whole, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(
        '<div class="chart" role="img" aria-label="{}" style="min-height:{}px">'
        '<p class="note undrawn">{}</p><script type="application/json">{}</script></div>'
    ).format(label, height, _UNDRAWN, Markup(text.replace("<", "\\u003c")))


def has_charts(page: str) -> bool:
    """Tell whether a page holds a chart, and so needs Vega's bundle.

    Examples
    --------
    >>> has_charts(str(chart({"mark": "bar"}, label="Bars"))), has_charts("<p>none</p>")
    (True, False)
    """
    return '<div class="chart"' in page


def write_charts_script(folder: Path) -> Path:
    """Write Vega's bundle into a report's folder.

    It is large and takes a second to make, so one of the same version is left as it is.
    """
    charts = folder / CHARTS_SCRIPT
    first_line = f"/* Vega's own bundle, as of vl-convert {version('vl-convert-python')} */\n"
    if not _begins_with(charts, first_line):
        charts.write_text(first_line + _bundle(), encoding="utf-8")
    return charts


def write_page_scripts(folder: Path) -> tuple[Path, ...]:
    """Write our own scripts: what every page does, and the what-if of the plan."""
    return tuple(_copy(name, folder) for name in PAGE_SCRIPTS)


def _copy(name: str, folder: Path) -> Path:
    script = (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
    path = folder / name
    path.write_text(script, encoding="utf-8")
    return path


@cache
def _bundle() -> str:
    return vl_convert.javascript_bundle(_ON_THE_WINDOW)


def _begins_with(path: Path, line: str) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as text:
        return text.readline() == line
