"""Traces by OpenTelemetry, as BentoML sends them; none before an endpoint is named.

=================================  ==============================================================
``SECONDLOOK_TRACES_ENDPOINT``     where spans are sent, as OTLP over HTTP (not set: no tracing)
``SECONDLOOK_TRACES_SHARE``        share of requests that are traced, 0 to 1 (0.1)
=================================  ==============================================================

BentoML names a span by the path that was called, and a path may hold the id of a decision. So only
the routes of `TRACED`, whose paths say nothing, make spans, and what else of a request its caller
writes freely is struck out (`describe_span`).
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace

from features.errors import SettingsError

ENDPOINT, SHARE = "SECONDLOOK_TRACES_ENDPOINT", "SECONDLOOK_TRACES_SHARE"
TRACED = ("/v1/rank", "/v1/outcomes", "/v1/model", "/v1/plan")
STRUCK_OUT = "-"

_DEFAULT_SHARE = 0.1
_EXPORTER = "opentelemetry.exporter"
_URL_OF_OTHERS = rf"^(?!https?://[^/]*(?:{'|'.join(map(re.escape, TRACED))})\Z)"


def tracing_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of BentoML's ``tracing``.

    Raises
    ------
    SettingsError
        If a setting cannot be used, or the extra ``tracing`` is not installed.

    Examples
    --------
    >>> tracing_options({})
    {'sample_rate': 0.0, 'excluded_urls': ['.*']}
    >>> tracing_options({"SECONDLOOK_TRACES_ENDPOINT": "collector:4318"})
    Traceback (most recent call last):
    features.errors.SettingsError: SECONDLOOK_TRACES_ENDPOINT: saw 'collector:4318'; expected a URL
    """
    endpoint = environment.get(ENDPOINT, "")
    if not endpoint:
        return {"sample_rate": 0.0, "excluded_urls": [".*"]}
    if not re.match(r"https?://[^/]", endpoint):
        raise SettingsError(f"{ENDPOINT}: saw {endpoint!r}; expected a URL")
    if importlib.util.find_spec(_EXPORTER) is None:
        raise SettingsError(f"{ENDPOINT}: set, but the extra `tracing` is not installed")
    return {
        "exporter_type": "otlp",
        "sample_rate": _share(environment.get(SHARE, str(_DEFAULT_SHARE))),
        "excluded_urls": [_URL_OF_OTHERS],
        "otlp": {"protocol": "http", "endpoint": endpoint},
    }


def _share(given: str) -> float:
    try:
        share = float(given)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingsError(f"{SHARE}: saw {given!r}; expected a number from 0 to 1")
    return share


def describe_span(route: str, rows: int | None) -> str | None:
    """Say what a request was, in the span that BentoML made of it, and strike out the rest.

    Returns
    -------
    str or None
        The id of the trace, where it is sent.
    """
    span = trace.get_current_span()
    if not span.is_recording():
        return None
    span.set_attributes({"http.route": route, "http.target": route, "http.url": route})
    span.set_attributes({"http.user_agent": STRUCK_OUT, "http.server_name": STRUCK_OUT})
    if rows is not None:
        span.set_attribute("secondlook.rows", rows)
    context = span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else None
