import datetime
import decimal

import pyarrow as pa
import pytest

from weir.spark import Operator, WeirError

LIMITS = {"call-time": "200ms", "memory": "16MiB"}


def numbers(values: list[int | None], **more: pa.Array) -> pa.RecordBatch:
    return pa.record_batch({"value": pa.array(values, pa.int64()), **more})


def test_columns_go_through_as_they_are(poison: bytes) -> None:
    columns = {
        "text": pa.array(["é", None], pa.large_string()),
        "day": pa.array([datetime.date(1969, 12, 31), None]),
        "at": pa.array([datetime.datetime(2026, 3, 29, 2, 30), None], pa.timestamp("us", "Europe/Berlin")),
        "money": pa.array([decimal.Decimal("-0.10"), None], pa.decimal128(38, 2)),
        "bytes": pa.array([b"\x00", b""]),
        "list": pa.array([["a", None], None], pa.list_(pa.string())),
        "both": pa.array([{"a": 1, "b": None}, None], pa.struct({"a": pa.int8(), "b": pa.float64()})),
    }
    rows = numbers([1, 2], **columns)
    operator = Operator(poison, rows.schema)
    (given,) = operator.process(rows)["main"]
    assert given.schema.equals(operator.outputs["main"])
    assert given.to_pylist() == [row | {"doubled": 2 * row["value"]} for row in rows.to_pylist()]
    assert operator.process(rows.slice(1))["main"][0].to_pylist() == given.slice(1).to_pylist()
    assert operator.process(rows.slice(0, 0)) == {}


@pytest.mark.parametrize("value", [7, 13, 17, 2**63 - 1])
def test_a_bad_row_is_set_aside_and_no_other(poison: bytes, value: int) -> None:
    rows = numbers([1, value, 2])
    operator = Operator(poison, rows.schema, on_error="dead-letter", limits=LIMITS)
    emitted = operator.process(rows)
    assert [row["doubled"] for batch in emitted["main"] for row in batch.to_pylist()] == [2, 4]
    (letter,) = [row for batch in emitted["dead-letter"] for row in batch.to_pylist()]
    assert letter["value"] == value and letter["error"]
    skipping = Operator(poison, rows.schema, on_error="skip", limits=LIMITS)
    assert [row["value"] for batch in skipping.process(rows)["main"] for row in batch.to_pylist()] == [1, 2]
    with pytest.raises(WeirError, match='value: .* could not be processed.*; pass on_error="skip" or on_error="dead-letter" to continue'):
        Operator(poison, rows.schema, limits=LIMITS).process(rows)


def test_what_does_not_fit_is_refused_with_its_reason(poison: bytes, root) -> None:
    rows = numbers([1])
    with pytest.raises(WeirError, match='column "value"'):
        Operator(poison, pa.schema({"other": pa.int64()}))
    with pytest.raises(WeirError, match="WebAssembly"):
        Operator(b"not one", rows.schema)
    with pytest.raises(WeirError, match="keyed-operator"):
        Operator((root / "tests/guests/count_v1.wasm").read_bytes(), rows.schema)
    with pytest.raises(WeirError, match="on_error cannot be"):
        Operator(poison, rows.schema, on_error="ignore")
    with pytest.raises(WeirError, match='"at"'):
        Operator(poison, rows.schema, event_time="at")
    with pytest.raises(WeirError, match='the column "t" is utf8, and an event time is a timestamp, a date, or an int64'):
        Operator(poison, rows.schema.append(pa.field("t", pa.string())), event_time="t")
    with pytest.raises(WeirError, match="rows have the columns other int64, but value int64 were told before"):
        Operator(poison, rows.schema).process(pa.record_batch({"other": pa.array([1])}))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"limits": {"cpu": "1s"}}, '^limits has no key "cpu": its keys are memory, '),
        ({"limits": {"call-tim": "1s"}}, '^limits has no key "call-tim": did you mean "call-time"'),
        ({"limits": {"call-time": "soon"}}, '^limits.call-time: "soon" is not a duration'),
        ({"limits": {"call-time": 5}}, "^limits.call-time must be a duration in quotes"),
        ({"limits": [1]}, "^limits: invalid type: sequence, expected a map$"),
        ({"config": "x"}, '^config: invalid type: string "x", expected a map$'),
        ({"config": {"a": [None]}}, r"^config.a\[0\] is null"),
        ({"config": {"a": {"b": float("nan")}}}, "^config.a.b must be what JSON can say, and is nan"),
        ({"on_error": 5}, "^on_error: invalid type: integer `5`, expected a string$"),
        ({"event_time": 5}, "^event_time: invalid type"),
    ],
)
def test_options_are_named_with_what_is_wrong_with_them(poison: bytes, options: dict[str, object], reason: str) -> None:
    with pytest.raises(WeirError, match=reason):
        Operator(poison, numbers([1]).schema, **options)


def test_a_closed_operator_says_so(poison: bytes) -> None:
    operator = Operator(poison, numbers([1]).schema)
    operator.close()
    operator.close()
    with pytest.raises(WeirError, match="it was closed"):
        operator.process(numbers([1]))


def test_a_row_without_event_time_follows_on_error(poison: bytes) -> None:
    rows = numbers([1, 2, 3], at=pa.array([5, None, 7], pa.timestamp("us")))
    letters = Operator(poison, rows.schema, event_time="at", on_error="dead-letter").process(rows)
    assert [row["value"] for batch in letters["main"] for row in batch.to_pylist()] == [1, 3]
    assert letters["dead-letter"][0].to_pylist() == [rows.to_pylist()[1] | {"error": "it has no event time"}]
    only = Operator(poison, rows.schema, event_time="at", on_error="skip")
    assert [row["value"] for batch in only.process(rows)["main"] for row in batch.to_pylist()] == [1, 3]
    assert only.process(rows.slice(1, 1)) == {}
    with pytest.raises(WeirError, match="it has no event time"):
        Operator(poison, rows.schema, event_time="at").process(rows)
