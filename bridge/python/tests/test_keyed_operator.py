import pathlib
from collections.abc import Sequence

import pyarrow as pa
import pytest

from weir.spark import Due, KeyedOperator, WeirError

BIDS = [(1, 60), (2, 99), (1, 40), (3, 7), (2, 1)]
CONFIG = {"gold-from": 100}


def bids(values: Sequence[tuple[int | None, int | None]]) -> pa.RecordBatch:
    return pa.record_batch({
        "bidder": pa.array([bidder for bidder, _ in values], pa.int64()), "price": pa.array([price for _, price in values], pa.int64()),
    })


def level(root: pathlib.Path, version: int = 1, **options: object) -> KeyedOperator:
    code = (root / f"examples/hot-swap/level_v{version}.wasm").read_bytes()
    return KeyedOperator(code, bids([]).schema, **{"keys": ["bidder"], "config": CONFIG} | options)


def column(emitted: dict[str, list[pa.RecordBatch]], name: str, output: str = "main") -> list[object]:
    return [row[name] for batch in emitted.get(output, []) for row in batch.to_pylist()]


def test_state_is_taken_over_by_another_operator_and_by_a_newer_version(root: pathlib.Path) -> None:
    first = level(root)
    first.begin()
    assert first.state() is None
    assert column(first.process(bids(BIDS[:3])), "sum") == [60, 99, 100]
    state = first.state()
    assert state is not None and first.due() == Due(None, None)
    second = level(root)
    second.begin(state)
    assert column(second.process(bids(BIDS[3:])), "sum") == [7, 100]
    newer = level(root, 2, config=CONFIG | {"platinum-from": 1})
    newer.begin(state)
    assert column(newer.process(bids(BIDS[3:])), "level") == ["silver", "platinum"]
    left = newer.state()
    with pytest.raises(WeirError, match='no longer has the column "bids"'):
        second.begin(left)
    # What was there before is gone, nothing of the other is there, and no row is processed without a state.
    with pytest.raises(WeirError, match="it has no state"):
        second.process(bids(BIDS[:1]))
    second.begin()
    assert column(second.process(bids(BIDS[:1])), "sum") == [60]


def test_rows_divided_by_key_group_give_what_all_together_do(root: pathlib.Path) -> None:
    rows = bids([(bidder % 50, bidder) for bidder in range(1000)])
    operator = level(root, key_groups=8)
    groups = operator.groups(rows)
    assert set(groups.to_pylist()) == set(range(8)) and operator.groups(rows.slice(50, 1)) == groups.slice(50, 1)
    divided = []
    for group in range(8):
        operator.begin()
        part = rows.filter(pa.compute.equal(groups, group))
        emitted = operator.process(part)
        divided += [row for batch in emitted["main"] for row in batch.to_pylist()]
    operator.begin()
    whole = [row for batch in operator.process(rows)["main"] for row in batch.to_pylist()]
    assert sorted(divided, key=lambda row: row["price"]) == whole


def test_state_that_is_not_this_operators_is_refused(root: pathlib.Path) -> None:
    operator = level(root)
    operator.begin()
    operator.process(bids(BIDS))
    state = operator.state()
    assert state is not None
    for changed in [b"", b"x" * 100, state[:-1], state + b"x", state[:200] + bytes([state[200] ^ 1]) + state[201:]]:
        with pytest.raises(WeirError, match="the state of a key group is damaged"):
            operator.begin(changed)
    with pytest.raises(WeirError, match="state was kept in 64 key groups, and the operator has 8"):
        level(root, key_groups=8).begin(state)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"keys": ["other"]}, 'there is no column "other" for the key: there are bidder int64, price int64'),
        ({"keys": []}, "keyed-operator, which keeps state per key, and no key was given"),
        ({"keys": ["bidder", "bidder"]}, 'the key has the column "bidder" twice'),
        ({"key_groups": 0}, "there can be 1 to 32768 key groups, not 0"),
        ({"keys": 5}, "keys is the name of a column, or a list of names, not 5"),
        ({"key_groups": 2**40}, "^key_groups: invalid value: integer `1099511627776`, expected u32$"),
        ({"ttl": "soon"}, '^ttl: "soon" is not a duration'),
        ({"ttl": {"after": "soon"}}, '^ttl.after: "soon" is not a duration'),
        ({"ttl": {"aftr": "1h"}}, '^ttl has no key "aftr": did you mean "after"'),
        ({"config": {}}, "refuses its configuration"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(root: pathlib.Path, options: dict[str, object], reason: str) -> None:
    with pytest.raises(WeirError, match=reason):
        level(root, **options)


def test_a_bad_row_changes_no_state(root: pathlib.Path) -> None:
    operator = level(root, on_error="dead-letter")
    operator.begin()
    emitted = operator.process(bids([(1, 60), (1, None), (1, 40)]))
    assert column(emitted, "sum") == [60, 100] and column(emitted, "bidder", "dead-letter") == [1]
    failing = level(root)
    failing.begin()
    with pytest.raises(WeirError, match="could not be processed"):
        failing.process(bids([(1, None)]))


def test_timers_fire_by_the_watermark_and_by_the_clock_that_is_given(root: pathlib.Path) -> None:
    code = (root / "tests/guests/reminder.wasm").read_bytes()
    values = pa.record_batch({"key": pa.array([1, 2], pa.int64()), "value": pa.array([50, 70], pa.int64())})
    operator = KeyedOperator(code, values.schema, keys=["key"])
    operator.begin(now=10)
    assert operator.process(values) == {} and operator.due() == Due(None, 50)
    state = operator.state()
    operator.begin(state, now=60)
    assert column(operator.advance_to(None), "at") == [50] and operator.due() == Due(None, 70)

    code = (root / "examples/nexmark/hot_items.wasm").read_bytes()
    time = pa.timestamp("us", "UTC")
    counts = pa.record_batch({
        "window_start": pa.array([0, 0, 10], time), "window_end": pa.array([10, 10, 20], time), "auction": pa.array([1, 2, 3], pa.int64()),
        "num": pa.array([5, 9, 2], pa.int64()), "at": pa.array([9, 9, 19], time),
    })
    hot = KeyedOperator(code, counts.schema, keys=["window_start", "window_end"], event_time="at")
    hot.begin()
    hot.process(counts)
    assert hot.due().watermark == 9 and hot.advance_to(8) == {}
    assert column(hot.advance_to(9), "auction") == [2] and hot.due().watermark == 19
    hot.begin(hot.state())
    assert column(hot.end(), "auction") == [3]


def test_a_state_expires(root: pathlib.Path) -> None:
    operator = level(root, ttl={"after": "1s", "time": "processing"})
    operator.begin(now=0)
    operator.process(bids([(1, 60)]))
    state = operator.state()
    assert operator.due() == Due(None, 1_000_000)
    operator.begin(state, now=2_000_000)
    operator.advance_to(None)
    assert operator.state() is None


@pytest.mark.parametrize("fails", ["hundredth", "loops"])
def test_a_row_that_traps_or_never_ends_is_set_aside_and_no_other(root: pathlib.Path, fails: str) -> None:
    code = (root / "tests/guests/count_v1.wasm").read_bytes()
    rows = pa.record_batch({"key": pa.array([1, 1, 1, 2]), "value": pa.array([1, 100, 3, 4])})
    config = {"tag": "a", "fails": fails}
    operator = KeyedOperator(code, rows.schema, keys=["key"], config=config, on_error="dead-letter", limits={"call-time": "200ms"})
    operator.begin()
    emitted = operator.process(rows)
    assert column(emitted, "number") == [1, 2, 1] and column(emitted, "value", "dead-letter") == [100]


def test_state_above_its_limit_is_refused(root: pathlib.Path) -> None:
    code = (root / "tests/guests/hoard.wasm").read_bytes()
    rows = pa.record_batch({"key": pa.array([1, 2]), "value": pa.array([10, 10_000_000])})
    operator = KeyedOperator(code, rows.schema, keys=["key"], config={"keeps": "state"}, on_error="skip", limits={"state": "1MiB"})
    operator.begin()
    assert column(operator.process(rows), "key") == [1]
