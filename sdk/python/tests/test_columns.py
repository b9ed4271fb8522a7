"""Operators on columns."""

from __future__ import annotations

from array import array
from typing import Optional

import pytest

import weir
from weir import testing


@weir.row
class Bid:
    """What it reads."""

    price: int
    url: str
    channel: Optional[str]


@weir.row(keep=["url"])
class InCents:
    """A map."""

    cents: int
    channel: Optional[str]


@weir.row(keep=weir.ALL, output="dear")
class Dear:
    """A filter."""


@weir.transform
def prices(bids: weir.Columns[Bid], out: weir.ColumnEmitter[InCents | Dear]) -> None:
    """Cents, and the dear ones aside."""
    values = bids.price.values
    out.emit(InCents, cents=array("q", map((100).__mul__, values)), channel=bids.channel)
    out.emit(Dear, where=map((10).__le__, values))
    for row, price in enumerate(values):
        if price < 0:
            out.refuse(row, "negative")


def test_columns_map_filter_and_refuse() -> None:
    bids = [Bid(1, "a", None), Bid(-1, "b", "x"), Bid(10, "c", "y")]
    results = testing.transform(prices, bids)
    assert results.main() == [{"url": "a", "cents": 100, "channel": None}, {"url": "c", "cents": 1000, "channel": "y"}]
    assert results.side("dear") == [{"price": 10, "url": "c", "channel": "y"}]
    assert results.rejected() == [(1, "negative")]
    assert testing.transform(prices, [], row=Bid).main() == []


@weir.transform
def views(bids: weir.Columns[Bid], out: weir.ColumnEmitter[Dear]) -> None:
    """Looks at everything."""
    assert len(bids) == 3 and len(bids.price) == 3
    assert bids.url.data == b"a\xc3\xa4c" and bids.url.offsets.tolist() == [0, 1, 3, 4]
    assert bids.channel.valid == [False, True, True] and bids.channel.null_count == 1 and bids.url.valid is None
    assert list(bids.channel) == [None, "x", "y"]
    with pytest.raises(TypeError, match="fixed width"):
        bids.url.values  # noqa: B018
    with pytest.raises(AttributeError):
        bids.nothing  # noqa: B018
    out.emit(Dear, rows=[2, 0, 0])


def test_views_of_columns() -> None:
    results = testing.transform(views, [Bid(1, "a", None), Bid(2, "ä", "x"), Bid(3, "c", "y")])
    assert [row["price"] for row in results.main()] == [3, 1, 1]


@weir.transform
def wrong(bids: weir.Columns[Bid], out: weir.ColumnEmitter[InCents]) -> None:
    """Emits too few values."""
    out.emit(InCents, cents=[1], channel=bids.channel)


def test_wrong_columns_fail_the_call() -> None:
    with pytest.raises(testing.CallFailed, match="column 'cents' has 1 values for 2 rows"):
        testing.transform(wrong, [Bid(1, "a", None)] * 2)


@weir.row
class Seconds:
    """Instants of a coarse unit."""

    at: weir.TimestampSeconds


@weir.row
class Micros:
    """The same, of a finer one."""

    at: weir.Timestamp


@weir.transform
def times(rows: weir.Columns[Micros], out: weir.ColumnEmitter[Micros]) -> None:
    """Looks at instants of another unit."""
    with pytest.raises(TypeError, match=r"another type than timestamp\(us, UTC\); see to_list"):
        rows.at.values  # noqa: B018
    out.emit(Micros, at=rows.at)


def test_instants_of_another_unit_are_no_values() -> None:
    assert testing.transform(times, [Seconds(2)]).main() == [{"at": 2_000_000}]


@weir.row
class Small:
    """Columns that cannot hold every price."""

    price: weir.Int8
    at: weir.EventTime


@weir.transform
def small(bids: weir.Columns[Bid], out: weir.ColumnEmitter[Small | Dear]) -> None:
    """Values beyond their columns."""
    values = bids.price.to_list()
    out.emit(Small, where=(price != 3 for price in values), price=(v for v in values if v != 3), at=[v << 40 for v in values if v != 3])
    out.emit(Dear)
    if 3 in values:
        out.refuse(values.index(3), "three")


def test_values_beyond_their_column_refuse_their_row() -> None:
    results = testing.transform(small, [Bid(price, "a", None) for price in (1, 3, 128, 1 << 23, 5)])
    assert [row["price"] for row in results.main()] == [1, 5] and results.event_times() == [1 << 40, 5 << 40]
    assert [row["price"] for row in results.side("dear")] == [1, 5]
    assert results.rejected() == [
        (1, "three"),
        (2, "column 'price' of output 'main': 128 is out of the range of int8"),
        (3, "column 'price' of output 'main': 8388608 is out of the range of int8"),
    ]


@weir.transform
def late(bids: weir.Columns[Bid], out: weir.ColumnEmitter[Small]) -> None:
    """A time beyond all times, and what comes from no row."""
    out.emit(Small, price=bids.price, at=[v << 62 for v in bids.price], rows=[v if v > 8 else at for at, v in enumerate(bids.price)])


def test_event_times_beyond_their_range_refuse_their_row() -> None:
    results = testing.transform(late, [Bid(1, "a", None), Bid(2, "a", None)])
    assert [row["price"] for row in results.main()] == [1]
    assert results.rejected() == [(1, f"the event time of output 'main': {2**63} is out of the range of timestamp")]
    with pytest.raises(testing.CallFailed, match="row 9 of 2"):
        testing.transform(late, [Bid(1, "a", None), Bid(9, "a", None)])
