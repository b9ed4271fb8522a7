"""What is bad is refused: rows, values, columns, configurations, declarations."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import pytest

import weir
from weir import testing
from weir._registry import operator_of

Money = Annotated[decimal.Decimal, weir.Decimal(5, 2)]


@weir.row
class Any64:
    """What comes in."""

    number: int


@weir.row
class Out:
    """A column of each type that has a range."""

    i8: weir.Int8 = 0
    u64: weir.UInt64 = 0
    f32: weir.Float32 = 0.0
    f64: float = 0.0
    text: str = ""
    data: bytes = b""
    day: datetime.date = datetime.date(1970, 1, 1)
    time: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    amount: Money = decimal.Decimal(0)
    items: "list[int]" = ()  # type: ignore[assignment]
    flag: bool = False


VALUES: "list[dict[str, Any]]" = []


@weir.transform
def emit(row: Any64) -> Optional[Out]:
    """Emits the values that a test wants."""
    return Out(**VALUES[row.number])


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("i8", 128, "column 'i8' of output 'main': 128 is out of the range of int8"),
        ("i8", 1.0, "1.0 (float) is no int8"),
        ("i8", None, "None is emitted for a column of int8 that is not Optional"),
        ("i8", True, "True (bool) is no int8"),
        ("f32", 16_777_217, "16777217 cannot be a float32 without being rounded"),
        ("f32", 10**39, "cannot be a float32 without being rounded"),
        ("u64", -1, "-1 is out of the range of uint64"),
        ("u64", 2**64, f"{2**64} is out of the range of uint64"),
        ("f32", 1e39, "1e+39 is out of the range of float32"),
        ("f64", 2**53 + 1, "cannot be a float64 without being rounded"),
        ("f64", decimal.Decimal("0.1"), "Decimal('0.1') (Decimal) is no float64"),
        ("f64", True, "True (bool) is no float64"),
        ("text", 1, "1 (int) is no text"),
        ("text", "\ud800", "half of a surrogate pair"),
        ("data", "x", "'x' (str) is no binary"),
        ("day", datetime.datetime(2024, 1, 1), "is no date"),
        ("time", datetime.datetime(2024, 1, 1), "has no time zone"),
        ("amount", decimal.Decimal("1.005"), "1.005 has more digits behind the point than decimal128(5, 2)"),
        ("amount", decimal.Decimal("1000"), "1000 is out of the range of decimal128(5, 2)"),
        ("amount", decimal.Decimal("NaN"), "NaN is no decimal128(5, 2)"),
        ("amount", decimal.Decimal("1e999999"), "out of the range"),
        ("items", [1, None], "None is emitted for a column of int64 that is not Optional"),
        ("items", [True], "True (bool) is no int64"),
        ("items", [2**63], f"{2**63} is out of the range of int64"),
        ("flag", 1, "1 (int) is no bool"),
    ],
)
def test_values_beyond_their_column_refuse_their_row(column: str, value: Any, reason: str) -> None:
    VALUES[:] = [{}, {column: value}, {}]
    results = testing.transform(emit, [Any64(0), Any64(1), Any64(2)])
    assert len(results.main()) == 2
    [(row, why)] = results.rejected()
    assert row == 1 and reason in why


def test_exact_values_are_kept() -> None:
    values = {"i8": -128, "u64": 2**64 - 1, "f32": 2**24 + 2, "f64": 2**53, "amount": decimal.Decimal("-999.99")}
    values["items"] = [-(2**63), 2**63 - 1]  # type: ignore[assignment]
    VALUES[:] = [values]
    [row] = testing.transform(emit, [Any64(0)]).main()
    assert {name: row[name] for name in values} == values


@weir.transform
def fails(row: Any64) -> Iterator[Any64]:
    """Fails behind what it emitted."""
    yield Any64(row.number)
    yield Any64(10 // row.number)


def test_an_exception_refuses_its_row_and_names_its_place() -> None:
    results = testing.transform(fails, [Any64(1), Any64(0), Any64(5)])
    assert [row["number"] for row in results.main()] == [1, 10, 5, 2]
    [(row, why)] = results.rejected()
    assert row == 1 and why.startswith("ZeroDivisionError: ") and "test_refused.py:" in why and why.endswith(", in fails)")


@weir.row
class Nullable:
    """What comes in."""

    number: Optional[int]
    items: "Optional[list[Optional[int]]]" = None


@weir.row
class Strict:
    """What is read."""

    number: int


@weir.row
class StrictItems:
    """What is read."""

    items: "Optional[list[int]]"


@weir.transform
def strict(row: Strict) -> Strict:
    """Nulls have no place."""
    return Strict(row.number)


@weir.transform
def strict_items(row: StrictItems) -> StrictItems:
    """Nulls have no place in a list."""
    return StrictItems(row.items)


def test_nulls_without_a_place_refuse_their_row() -> None:
    results = testing.transform(strict, [Nullable(1), Nullable(None), Nullable(3)])
    assert results.main() == [{"number": 1}, {"number": 3}]
    assert results.rejected() == [(1, "column 'number' is null, and the operator has no place for that (Optional)")]
    results = testing.transform(strict_items, [Nullable(1, [1, None]), Nullable(1, None), Nullable(1, [2])])
    assert results.main() == [{"items": None}, {"items": [2]}]
    assert "has an item that is null" in results.rejected()[0][1]


@weir.row
class Texts:
    """Rows without the column, or with another type."""

    number: str


@weir.row
class Other:
    """Rows without the column."""

    x: int


def test_missing_and_other_columns_are_refused_at_describe() -> None:
    with pytest.raises(testing.CallFailed) as failed:
        testing.transform(strict, [], row=Other)
    assert str(failed.value) == 'there is no column "number" (int64), which the operator reads; the input has x: int64'
    with pytest.raises(testing.CallFailed) as failed:
        testing.transform(strict, [], row=Texts)
    assert 'column "number" is utf8, but the operator reads it as int64' in str(failed.value)


class Color(enum.Enum):
    """A choice."""

    RED = "red"


@dataclass
class Nested:
    """An object."""

    depth: int


@dataclass
class Config:
    """Every kind of key."""

    price_min: int
    ratio: float = 1.0
    names: "list[str]" = ()  # type: ignore[assignment]
    small: weir.UInt8 = 0
    color: Optional[Color] = None
    mode: Literal["a", "b"] = "a"
    nested: Optional[Nested] = None
    other_key: Annotated[bool, weir.Name("otherKey")] = False

    def __post_init__(self) -> None:
        if self.price_min < 0:
            raise ValueError("`price-min` is not negative")


@weir.transform
def with_config(row: Strict, config: Config) -> Optional[Strict]:
    """Has a configuration."""
    return row if row.number >= config.price_min else None


def test_configurations() -> None:
    config = {"price-min": 2, "names": ["x"], "color": "red", "nested": {"depth": 1}, "otherKey": True}
    made = testing.configured(with_config, config)
    assert made == Config(2, 1.0, ["x"], 0, Color.RED, "a", Nested(1), True)
    assert testing.transform(with_config, [Strict(1), Strict(2)], config=made).main() == [{"number": 2}]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "config: missing field `price-min`"),
        ({"price-min": 1, "-": 0}, "config: unknown field `-`, expected one of `price-min`, `ratio`, `names`"),
        ({"price-min": "1"}, 'config: `price-min`: expected an integer, got "1"'),
        ({"price-min": True}, "config: `price-min`: expected an integer, got true"),
        ({"price-min": 1.0}, "config: `price-min`: expected an integer, got 1.0"),
        ({"price-min": 1, "small": 256}, "config: `small`: 256 is out of the range of uint8"),
        ({"price-min": 1, "names": [1]}, "config: `names[0]`: expected a string, got 1"),
        ({"price-min": 1, "color": "blue"}, 'config: `color`: unknown variant "blue", expected one of `red`'),
        ({"price-min": 1, "nested": {}}, "config: `nested`: missing field `depth`"),
        ({"price-min": -1}, "config: `price-min` is not negative"),
    ],
)
def test_configurations_that_do_not_fit(config: "dict[str, Any]", message: str) -> None:
    with pytest.raises(ValueError, match="config: ") as failed:
        testing.configured(with_config, config)
    assert str(failed.value).startswith(message)


def test_operator_without_configuration_refuses_keys() -> None:
    with pytest.raises(ValueError, match="config: unknown field `x`, there are no fields"):
        testing.configured(strict, {"x": 1})


def test_about_has_a_title_and_a_schema() -> None:
    info = operator_of(with_config).about()
    schema = json.loads(info.config_schema)
    assert info.title == "Has a configuration" and schema["required"] == ["price-min"]
    assert schema["properties"]["small"] == {"type": "integer", "minimum": 0, "maximum": 255, "default": 0}
    assert schema["additionalProperties"] is False


def declaration(message: str, **names: Any) -> Any:
    return pytest.raises(weir.DeclarationError, match=message)


def test_declarations_that_do_not_fit() -> None:
    def no_row(price: int) -> Strict:
        return Strict(price)

    def no_return(row: Strict):  # type: ignore[no-untyped-def]
        return row

    def no_annotation(row) -> Strict:  # type: ignore[no-untyped-def]
        return Strict(row.number)

    for function, message in [
        (no_row, "'price' is int, which is no row"),
        (no_return, "annotate what it returns"),
        (no_annotation, "annotate the parameter 'row'"),
    ]:
        function.__globals__["Strict"] = Strict
        with declaration(message):
            weir.transform(function)
    with declaration("Bad.x: no column has the type complex"):
        weir.transform(bad_type)
    with declaration("how many digits"):
        weir.transform(bare_decimal)


@weir.row
class Bad:
    """No such column."""

    x: complex


def bad_type(row: Bad) -> Strict:
    """Cannot be."""
    return Strict(1)


@weir.row
class Bare:
    """Digits are missing."""

    x: decimal.Decimal


def bare_decimal(row: Bare) -> Strict:
    """Cannot be."""
    return Strict(1)


@weir.row
class InMicroseconds:
    """Instants of a coarse unit."""

    at: weir.Timestamp
    maybe: Optional[weir.Timestamp]
    some: list[weir.Timestamp]


@weir.row
class InNanoseconds:
    """The same, of a finer one."""

    at: weir.TimestampNanos
    maybe: Optional[weir.TimestampNanos]
    some: list[weir.TimestampNanos]


@weir.transform
def nothing(row: InNanoseconds) -> Optional[Out]:
    """Reads."""
    return None


def test_an_instant_beyond_a_finer_unit_is_refused() -> None:
    most = (2**63 - 1) // 1000
    rows = [
        InMicroseconds(most, most, [most]),
        InMicroseconds(most + 1, None, []),
        InMicroseconds(-most, most + 1, []),
        InMicroseconds(-most, None, [0, -most - 2]),
    ]
    results = testing.transform(nothing, rows)
    assert [row for row, _ in results.rejected()] == [1, 2, 3]
    assert results.rejected()[:2] == [
        (1, "column 'at' is out of range in nanoseconds"),
        (2, "column 'maybe' is out of range in nanoseconds"),
    ]
    assert "out of range in nanoseconds" in results.rejected()[2][1]
