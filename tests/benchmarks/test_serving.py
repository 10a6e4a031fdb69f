"""The benchmark of the service: what it sends, what it makes of the answers, and one small run."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from benchmarks.serving import main
from benchmarks.serving_figures import Findings, Run
from benchmarks.serving_home import SMALL, fit_trees, traffic_of
from benchmarks.serving_load import http_request, load, read_requests, write_requests


def test_requests_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    requests = [http_request("/a", b"{}", {"X": "y"}), http_request("/b", b"", {})]
    write_requests(tmp_path / "requests.bin", requests)
    assert list(read_requests(tmp_path / "requests.bin")) == requests


def test_every_decision_is_sent_once() -> None:
    traffic = traffic_of(SMALL, rows=30, extras=2)
    first, second = (json.loads(traffic.body(10))["decisions"] for _ in range(2))
    assert len({row["decision_id"] for row in (*first, *second)}) == 20
    assert all("x_signal_2" in row and None not in row.values() for row in first)
    assert json.loads(traffic.body(10))["capacity"] == 1
    with pytest.raises(IndexError, match="expected more"):
        traffic.body(1)


def test_the_load_counts_answers_and_refusals() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        statuses = iter([b"200 OK", b"429 Busy"])

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                for status in statuses:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n")
                    connection.sendall(b"{}")

        server_thread = threading.Thread(target=answer)
        server_thread.start()
        requests = [http_request("/", b"{}", {})] * 2
        found = load("127.0.0.1", port, clients=1, requests=requests)
        server_thread.join()
    assert found.failures == {"429": 1}
    assert len(found.latency_ms) == 2
    assert found.seconds >= sum(found.latency_ms) / 1e3 * 0.9


def test_ratios_are_of_repeats_side_by_side() -> None:
    findings = Findings()
    for ours, theirs in ((50.0, 100.0), (10.0, 40.0), (30.0, 40.0)):
        findings.add("secondlook", 1, Run(ours, [2.0], 4.0, 0.1))
        findings.add("in_process", 1, Run(theirs, [1.0], 1.0, 0.0))
    ratio = findings.document()["ratios"]["secondlook/in_process"]["1"]
    assert (ratio["rows_per_s"], ratio["rows_per_s_low"], ratio["rows_per_s_high"]) == (
        0.5,
        0.25,
        0.75,
    )
    assert (ratio["p50"], ratio["cpu"]) == (2.0, 4.0)


def test_trees_of_the_comparison_that_lack_leaves_are_refused() -> None:
    rng = np.random.default_rng(0)
    names = ["policy", "action", "language", "content_type", "one_more"]
    with pytest.raises(ValueError, match="comparison: saw"):
        fit_trees(rng.random((40, 5)).round(), rng.random(40).round(), names)


@pytest.mark.slow
def test_the_smallest_run_writes_what_it_measured(tmp_path: Path) -> None:
    out = tmp_path / "serving.json"
    asked = ["--small", "--parts", "speed", "--systems", "secondlook", "noop", "in_process"]
    shape = ["--rows", "1", "50", "--calls", "6", "4", "--clients", "1", "2", "--repeats", "2"]
    assert main(["--out", str(out), *asked, *shape]) == 0
    found = json.loads(out.read_text())
    systems = {"secondlook", "noop", "in_process"}
    for document in (found, found["clients_2"]):
        assert set(document["rows_per_s"]) == set(document["latency_ms"]) == systems
        for system in systems:
            assert set(document["rows_per_s"][system]) == {"1", "50"}
            assert all(rate > 0 for rate in document["rows_per_s"][system].values())
            for latency in document["latency_ms"][system].values():
                assert 0 < latency["p50"] <= latency["p99"]
        assert document["rows_per_s"]["secondlook"]["1"] < document["rows_per_s"]["noop"]["1"]
        assert 0 < document["ratios"]["secondlook/in_process"]["50"]["rows_per_s"] < 1
    told = found["comparison"]
    assert (told["trees"], told["features"], len(told["categorical"])) == (300, 50, 4)
    assert told["largest_difference_of_the_peers_booster"] == 0
