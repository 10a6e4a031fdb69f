"""Tables over the wire: the same rows, checks and answers as in JSON, and no body too large."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import DECISIONS
from features.errors import ContractError
from features.store import Store
from serving.answer_types import METADATA
from serving.arrow_sizes import decoded_size
from serving.problem import Refusal
from serving.settings import Limits
from serving.tables import ARROW, MOST_COLUMNS, PARQUET, read_table
from tests.serving.conftest import LIMITS, Caller, decision, outcome

ROWS = [
    decision(n, x_trust=n / 7, group_age=None if n % 2 else "18-24", text="the content")
    for n in range(12)
]


def arrow(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as out:
        out.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


WRITERS: dict[str, Callable[..., bytes]] = {ARROW: arrow, PARQUET: parquet}


def columns(**values: Any) -> pa.Table:
    return pa.table(values)


def send(caller: Caller, media_type: str, content: bytes, path: str, **more: str) -> httpx.Response:
    headers = {"Content-Type": media_type, **more}
    return caller.post(path, content=content, headers=headers)


def without_earlier(answer: dict[str, Any]) -> Any:
    rows = [row | {"already_selected": None} for row in answer["decisions"]]
    return [answer["selected"], answer["threshold"], answer["rejected"], rows]


@pytest.mark.parametrize("media_type", WRITERS)
def test_a_table_is_ranked_as_the_same_rows_in_json(admin: Caller, media_type: str) -> None:
    rows = [*ROWS, decision(90, views=-1), decision(91, policy=None)]
    plain = admin.post("/v1/rank", json={"decisions": rows, "capacity": 4}).json()
    table = pa.Table.from_pylist([{"views": None, **row} for row in rows])
    answer = send(admin, media_type, WRITERS[media_type](table), "/v1/rank?capacity=4")
    assert answer.status_code == 200
    assert {row["index"] for row in plain["rejected"]} == {12, 13}
    assert without_earlier(answer.json()) == without_earlier(plain)


@pytest.mark.parametrize("media_type", WRITERS)
def test_outcomes_come_as_a_table_too(admin: Caller, store: Store, media_type: str) -> None:
    admin.post("/v1/rank", json={"decisions": ROWS, "capacity": 4})
    rows = [outcome(0), outcome(1, verdict="fine"), outcome(77)]
    content = WRITERS[media_type](pa.Table.from_pylist(rows))
    answer = send(admin, media_type, content, "/v1/outcomes").json()
    assert answer["accepted"] == 1
    assert [(r["index"], r["fault"]) for r in answer["rejected"]] == [
        (1, "contract"),
        (2, "unknown_decision"),
    ]
    assert list(store.outcomes()["audit_id"]) == ["a-0"]


@pytest.mark.parametrize("media_type", WRITERS)
def test_a_frame_of_pandas_comes_as_it_is_written(admin: Caller, media_type: str) -> None:
    frame = pd.DataFrame(ROWS)
    frame["decided_at"] = pd.to_datetime(frame["decided_at"])
    frame["policy"] = frame["policy"].astype("category")
    content = WRITERS[media_type](pa.Table.from_pandas(frame, preserve_index=False))
    assert send(admin, media_type, content, "/v1/rank?capacity=4").json()["ranked"] == 12


def test_without_a_capacity_a_table_is_judged_by_the_threshold_of_the_hour(admin: Caller) -> None:
    content = parquet(pa.Table.from_pylist(ROWS))
    assert send(admin, PARQUET, content, "/v1/rank").json()["mode"] == "admission"


MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
VALUES: list[tuple[pa.Array, Any]] = [
    (pa.array(["a"], pa.large_string()), "a"),
    (pa.array(["a"], pa.string_view()), "a"),
    (pa.array(["a"]).dictionary_encode(), "a"),
    (pa.array([7], pa.uint8()), 7),
    (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    (pa.array([0.5], pa.float16()), 0.5),
    (pa.array([Decimal("1.25")]), 1.25),
    (pa.array([True]), True),
    (pa.nulls(1), None),
    (pa.array([None], pa.string()), None),
    (pa.array([MOMENT], pa.timestamp("s", "UTC")), "2026-03-01T09:30:00.000000Z"),
    (pa.array([MOMENT], pa.timestamp("ns", "Asia/Tokyo")), "2026-03-01T09:30:00.000000Z"),
    (pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("ms")), "2026-03-01T09:30:00.000000Z"),
    (pa.array([date(2026, 3, 1)]), "2026-03-01T00:00:00.000000Z"),
    (pa.array([[0.5, 1.0]], pa.list_(pa.float32(), 2)), [0.5, 1.0]),
    (pa.array([[1, 2]], pa.large_list(pa.int64())), [1, 2]),
]


@pytest.mark.parametrize(("array", "value"), VALUES, ids=[str(a.type) for a, _ in VALUES])
def test_a_value_is_what_json_would_hold(array: pa.Array, value: Any) -> None:
    rows = read_table(arrow(columns(x_a=array)), ARROW, DECISIONS, LIMITS)
    assert rows == [{"x_a": value}]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([b"a"]),
        pa.array([{"a": 1}]),
        pa.array([[["a"]]]),
        pa.array([["a"]]),
        pa.RunEndEncodedArray.from_arrays([1], ["a"]),
        pa.array([[1]], pa.list_view(pa.int64())),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([1], pa.duration("s")),
    ],
    ids=lambda a: str(a.type),
)
def test_a_type_that_no_field_has_is_named(admin: Caller, array: pa.Array) -> None:
    answer = send(admin, ARROW, arrow(columns(views=array)), "/v1/rank?capacity=1")
    assert answer.status_code == 422
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["field"]) == (None, "views")
    assert "Arrow type" in rejected["seen"]


def test_a_time_beyond_the_calendar_is_the_fault_of_its_row(admin: Caller) -> None:
    times = pa.array([10**18, 1_772_357_400 * 10**6], pa.timestamp("us"))
    table = pa.Table.from_pylist(ROWS[:2]).drop(["decided_at"]).append_column("decided_at", times)
    answer = send(admin, ARROW, arrow(table), "/v1/rank?capacity=1").json()
    assert [row["index"] for row in answer["rejected"]] == [0]
    assert answer["ranked"] == 1


def test_a_time_that_cannot_be_counted_is_explained(admin: Caller) -> None:
    table = columns(decided_at=pa.array([2**62], pa.timestamp("s")))
    answer = send(admin, ARROW, arrow(table), "/v1/rank?capacity=1")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("The body cannot be read as an Arrow stream: ")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("capacity=0", ">= 1"),
        ("capacity=many", "int"),
        ("capcity=1", "saw 'capcity'; expected capacity or minutes"),
        ("decisions=1", "saw 'decisions'"),
        ("capacity=1&capacity=2", "twice"),
        ("capacity=1&minutes=2", "one of them"),
        ("minutes=nan", "minutes"),
    ],
)
def test_a_query_that_cannot_be_used_is_explained(admin: Caller, query: str, told: str) -> None:
    answer = send(admin, PARQUET, parquet(pa.Table.from_pylist(ROWS)), f"/v1/rank?{query}")
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_capacity_in_the_query_of_json_is_refused_and_not_passed_over(admin: Caller) -> None:
    answer = admin.post("/v1/rank?capacity=1", json={"decisions": ROWS})
    assert answer.status_code == 422
    assert "saw 'capacity'" in answer.json()["detail"]


def test_an_arrow_stream_answers_as_json_does(admin: Caller) -> None:
    body = {"decisions": [*ROWS, decision(40, views=-1)], "capacity": 4}
    first = admin.post("/v1/rank", json=body).json()
    told = admin.post("/v1/rank", json=body, headers={"Accept": ARROW})
    assert told.headers["Content-Type"] == ARROW
    table = pa.ipc.open_stream(told.content).read_all()
    beside = msgspec.json.decode(table.schema.metadata[METADATA])
    rows = table.to_pylist()
    for row, expected in zip(rows, first["decisions"], strict=True):
        risk = expected.pop("risk")
        already = {"already_selected": expected["selected"]}
        assert row == expected | risk | already
    assert beside["rejected"] == first["rejected"]
    assert beside["plan_version"] == first["plan_version"]
    assert rows[0]["index"] == 0


def test_outcomes_are_answered_as_an_arrow_stream_too(admin: Caller) -> None:
    admin.post("/v1/rank", json={"decisions": ROWS, "capacity": 4})
    body = {"outcomes": [outcome(0), outcome(99)]}
    told = admin.post("/v1/outcomes", json=body, headers={"Accept": ARROW})
    table = pa.ipc.open_stream(told.content).read_all()
    assert table.to_pylist()[0]["fault"] == "unknown_decision"
    assert msgspec.json.decode(table.schema.metadata[METADATA])["accepted"] == 1


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{ARROW};q=0.5, application/json", "application/json"),
        (f"application/json;q=0.5, {ARROW}", ARROW),
        (f"{ARROW};q=0", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        (f"{ARROW};q=much", "application/json"),
        (",;,", "application/json"),
    ],
)
def test_the_content_type_of_an_answer_is_the_preferred_one(
    admin: Caller, accept: str, expected: str
) -> None:
    body = {"decisions": ROWS, "capacity": 4}
    answer = admin.post("/v1/rank", json=body, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, expected)


def test_a_named_request_is_answered_again_in_its_own_format(admin: Caller) -> None:
    content, named = parquet(pa.Table.from_pylist(ROWS)), {"Idempotency-Key": "a"}
    first = send(admin, PARQUET, content, "/v1/rank?capacity=4", Accept=ARROW, **named)
    again = send(admin, PARQUET, content, "/v1/rank?capacity=4", Accept=ARROW, **named)
    assert (again.content, again.headers["Content-Type"]) == (first.content, ARROW)
    other = send(admin, PARQUET, content, "/v1/rank?capacity=4", **named)
    assert other.status_code == 422
    assert send(admin, PARQUET, content, "/v1/rank?capacity=5", **named).status_code == 422


# --- bodies that are malformed, or grow ---


def dictionary_bomb() -> pa.Table:
    long = pa.DictionaryArray.from_arrays(np.zeros(50, dtype=np.int32), ["a" * 100_000])
    return columns(x_a=long)


def views_bomb() -> pa.Array:
    """Return many texts that stand in one place."""
    view = np.frombuffer(pa.array(["a" * 100_000], pa.string_view()).buffers()[1], dtype=np.int8)
    buffers = [None, pa.py_buffer(np.tile(view, 50)), pa.py_buffer(b"a" * 100_000)]
    return pa.Array.from_buffers(pa.string_view(), 50, buffers)


def bombs() -> dict[str, tuple[str, bytes]]:
    zeros = columns(embedding=pa.array([np.zeros(20_000)] * 50, pa.list_(pa.float64())))
    texts = columns(x_a=["a" * 100_000] * 50)
    return {
        "arrow, zstd": (ARROW, arrow(zeros, compression="zstd")),
        "arrow, lz4": (ARROW, arrow(texts, compression="lz4")),
        "arrow, views": (ARROW, arrow(columns(x_a=views_bomb()))),
        "arrow, dictionary": (ARROW, arrow(dictionary_bomb())),
        "arrow, dictionary, zstd": (ARROW, arrow(dictionary_bomb(), compression="zstd")),
        "parquet, zstd": (PARQUET, parquet(zeros, compression="zstd", use_dictionary=False)),
        "parquet, gzip": (PARQUET, parquet(texts, compression="gzip", use_dictionary=False)),
        "parquet, dictionary": (PARQUET, parquet(texts)),
    }


@pytest.mark.parametrize("name", bombs())
def test_a_body_that_grows_too_long_is_refused(admin: Caller, name: str) -> None:
    media_type, content = bombs()[name]
    assert len(content) < LIMITS.max_body_bytes
    answer = send(admin, media_type, content, "/v1/rank?capacity=1")
    assert answer.status_code == 413
    assert "once it is decoded" in answer.json()["detail"]


def test_what_a_message_grows_to_is_known_before_it_is_decoded() -> None:
    table = columns(views=np.zeros(5_000), x_a=["a" * 50] * 5_000)
    plain, packed = arrow(table), arrow(table, compression="zstd")
    assert len(packed) < len(plain) / 20
    sizes = [
        sum(
            decoded_size(message.metadata.to_pybytes(), memoryview(message.body))
            for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(content))
            if message.body is not None
        )
        for content in (plain, packed)
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.001)  # but for the padding


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (arrow(columns(x_a=pa.nulls(51))), "at most 50 rows"),
        (arrow(columns(x_a=pa.Array.from_buffers(pa.null(), 2**30, [None]))), "at most 50 rows"),
        (arrow(pa.table({f"x_{n}": [1] for n in range(MOST_COLUMNS + 1)})), "1,000 columns"),
        (arrow(pa.table([[1], [2]], names=["x_a", "x_a"])), "the column twice"),
        (arrow(columns(x_a=pa.array([], pa.string()))), "length >= 1"),
        (arrow(pa.table({})), "length >= 1"),
        (arrow(columns(vews=[1])), "did you mean 'views'?"),
    ],
    ids=["rows", "no bytes a row", "columns", "twice", "no rows", "no columns", "unknown"],
)
def test_a_schema_that_cannot_be_used_is_explained(
    admin: Caller, content: bytes, told: str
) -> None:
    answer = send(admin, ARROW, content, "/v1/rank?capacity=1")
    assert answer.status_code == 422
    assert told in answer.text


def test_a_parquet_file_of_too_many_rows_is_refused_by_what_it_declares(admin: Caller) -> None:
    content = parquet(columns(x_a=pa.nulls(5_000_000, pa.int64())))
    assert len(content) < LIMITS.max_body_bytes
    answer = send(admin, PARQUET, content, "/v1/rank?capacity=1")
    assert answer.status_code == 422
    assert "5,000,000 rows or more" in answer.text


@pytest.mark.parametrize("media_type", WRITERS)
@pytest.mark.parametrize("content", [b"", b"{}", b"PAR1", b"\xff" * 64, b"\0" * 64])
def test_what_is_not_a_table_is_a_400(admin: Caller, media_type: str, content: bytes) -> None:
    answer = send(admin, media_type, content, "/v1/rank?capacity=1")
    assert answer.status_code == 400
    assert "The body cannot be read as" in answer.json()["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"


GOOD = {
    ARROW: arrow(pa.Table.from_pylist(ROWS), compression="zstd"),
    PARQUET: parquet(pa.Table.from_pylist(ROWS)),
}


@pytest.mark.parametrize("media_type", WRITERS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(cut=st.floats(0, 1), changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255))))
def test_a_damaged_table_is_read_or_refused_and_nothing_else(
    media_type: str, cut: float, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(GOOD[media_type])
    for place, value in changes:
        content[min(int(place * len(content)), len(content) - 1)] = value
    if cut < 0.5:
        content = content[: int(2 * cut * len(content))]
    limits = Limits(max_body_bytes=200_000, max_rows=50)
    try:
        rows = read_table(bytes(content), media_type, DECISIONS, limits)
    except (Refusal, ContractError):
        return
    assert len(rows) <= limits.max_rows
