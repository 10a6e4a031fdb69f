from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.util.http import ExcludeList

from features.errors import SettingsError
from serving.launch import service
from serving.operations import OPERATIONS
from serving.tracing import ENDPOINT, SHARE, TRACED, tracing_options
from tests.serving.small_home import SmallHome

MARKER = "zebra-crossing"


class Collector:
    """A receiver of OTLP over HTTP that keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received = ExportTraceServiceRequest.FromString(body)
                for resource in received.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def servers(self) -> list[Span]:
        return [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]


@pytest.fixture
def collector() -> Iterator[Collector]:
    opened = Collector()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def attributes(span: Span) -> dict[str, object]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in span.attributes
    }


def is_traced(url: str) -> bool:
    (pattern,) = tracing_options({ENDPOINT: "http://c:4318"})["excluded_urls"]
    return not ExcludeList([pattern]).url_disabled(url)


def test_nothing_is_traced_before_an_endpoint_is_named() -> None:
    options = tracing_options({SHARE: "1"})
    assert options["sample_rate"] == 0
    assert ExcludeList(options["excluded_urls"]).url_disabled("http://127.0.0.1:3000/v1/rank")


@pytest.mark.parametrize("path", TRACED)
def test_the_routes_that_are_traced_hold_no_ids(path: str) -> None:
    assert path in {operation.path for operation in OPERATIONS}
    assert "{" not in path
    assert is_traced(f"http://127.0.0.1:3000{path}")
    assert is_traced(f"https://[::1]{path}")


@pytest.mark.parametrize(
    "path",
    ["/v1/decisions/d-1", "/v1/rank/d-1", "/reports/a.html", "/v1/decisions//v1/rank", "/metrics"]
    + ["/", "/d-1", "/v1/rank\n", "/v1/ranked"],
)
def test_no_other_path_is_traced(path: str) -> None:
    assert not is_traced(f"http://127.0.0.1:3000{path}")


@pytest.mark.parametrize("share", ["-0.1", "1.5", "some", "nan"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    with pytest.raises(SettingsError, match=f"{SHARE}: saw"):
        tracing_options({ENDPOINT: "http://c:4318", SHARE: share})


@pytest.mark.slow
def test_spans_are_sent_without_content_or_ids(
    small_home: SmallHome, tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, collector.url)
    monkeypatch.setenv(SHARE, "1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    rows = [{**row, "text": MARKER} for row in small_home.later_rows(3)]
    headers = {"Authorization": f"Bearer {small_home.admin_key}", "User-Agent": MARKER}
    log = tmp_path / "service.log"
    with (
        service(small_home.home, log=log) as url,
        httpx.Client(base_url=url, headers=headers, timeout=60) as client,
    ):
        body = {"decisions": rows, "capacity": 1}
        assert client.post("/v1/rank", json=body).status_code == 200
        client.get(f"/v1/decisions/{rows[0]['decision_id']}")
        client.get("/v1/model", params={"who": MARKER}, headers={"X-Request-ID": MARKER})
        until = time.monotonic() + 20
        while len(collector.servers()) < 2:
            assert time.monotonic() < until, "no spans came"
            time.sleep(0.1)
        time.sleep(0.5)
    ranked, model = collector.servers()
    assert (ranked.name, model.name) == ("POST /v1/rank", "GET /v1/model")
    assert attributes(ranked)["secondlook.rows"] == 3
    assert attributes(ranked)["http.route"] == "/v1/rank"
    assert attributes(model)["http.status_code"] == 200
    text = str(collector.spans)
    assert MARKER not in text
    people = {row["moderator_id"] for row in rows} | {row["decision_id"] for row in rows}
    assert [one for one in people if one in text] == []
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    logged = next(line for line in lines if line.get("route") == "/v1/rank")
    assert logged["trace_id"] == ranked.trace_id.hex()


def test_the_settings_of_tracing_are_documented() -> None:
    page = Path(__file__).parents[2] / "docs" / "operations.md"
    named = set(re.findall(r"`(SECONDLOOK_TRACES_\w+)`", page.read_text(encoding="utf-8")))
    assert named == {ENDPOINT, SHARE}
