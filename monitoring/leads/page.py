"""The page of leads: a chart of their rates, a table, and a card each, most harm first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitoring.leads.conditions import FEWEST_MODERATORS
from monitoring.leads.found import Lead, Leads
from monitoring.leads.tables import LEADS_TABLE, NOTES_TABLE
from monitoring.pages import Book
from monitoring.wording import between, count, percent

_LEAD_HEIGHT, _ROOM = 38, 64


def write_leads(book: Book, leads: Leads) -> Path:
    """Write the page.

    Parameters
    ----------
    book
        Of the period; the tables of `monitoring.leads.tables` belong into its folder.

    Returns
    -------
    Path
        Of ``leads.html``.
    """
    return book.write(
        "leads.html",
        leads=leads,
        rates=rates_chart(leads),
        rates_words=chart_words(leads),
        rates_height=_ROOM + _LEAD_HEIGHT * len(leads.leads),
        fewest=FEWEST_MODERATORS,
        files=(LEADS_TABLE, NOTES_TABLE),
    )


def rates_chart(leads: Leads) -> dict[str, Any]:
    """Return a Vega-Lite specification of the rate of each lead beside the programme's."""
    values = [_value(lead) for lead in leads.leads]
    order = [value["lead"] for value in values]
    place = {
        "field": "lead",
        "type": "nominal",
        "title": None,
        "sort": order,
        "axis": {"labelLimit": 200, "labelPadding": 8},
    }
    return {
        "layer": [
            {
                "data": {"values": [{"rate": leads.programme.overturn_rate}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "var(--reference)"},
                "encoding": {"x": _rate("rate")},
            },
            {
                "data": {"values": values},
                "mark": {
                    "type": "rule",
                    "strokeWidth": 5,
                    "strokeCap": "round",
                    "color": "var(--accent-soft)",
                },
                "encoding": {"y": place, "x": _rate("low"), "x2": {"field": "high"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "size": 80, "color": "var(--accent)"}
                | {"opacity": 1},
                "encoding": {"y": place, "x": _rate("rate"), "tooltip": _tooltip()},
            },
        ]
    }


def chart_words(leads: Leads) -> str:
    """Return what the chart shows, for those who do not see it."""
    rows = "; ".join(
        f"{lead.name}: {percent(lead.estimate.overturn_rate)} "
        f"({between(lead.estimate.low, lead.estimate.high)})"
        for lead in leads.leads
    )
    programme = percent(leads.programme.overturn_rate)
    return f"Overturn rate of each lead; the programme stands at {programme}. {rows}"


def _value(lead: Lead) -> dict[str, object]:
    estimate = lead.estimate
    return {
        "lead": lead.name,
        "rate": estimate.overturn_rate,
        "low": estimate.low,
        "high": estimate.high,
        "said": percent(estimate.overturn_rate),
        "interval": between(estimate.low, estimate.high),
        "n": f"{count(estimate.decisions)} decisions, {count(estimate.audits)} audits",
    }


def _rate(field: str) -> dict[str, Any]:
    axis = {"format": "~%", "tickCount": 5, "grid": True, "labelFlush": True}
    scale = {"zero": True}
    return {
        "field": field,
        "type": "quantitative",
        "title": "Wrong decisions",
        "axis": axis,
        "scale": scale,
    }


def _tooltip() -> list[dict[str, str]]:
    return [
        {"field": "lead", "title": "Lead"},
        {"field": "said", "title": "Overturn rate"},
        {"field": "interval", "title": "95 % interval"},
        {"field": "n", "title": "n"},
    ]
