"""Components with state on Spark, against the results of Weir's own engine over the same rows."""

import csv
import datetime
import os
import pathlib
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("pyspark", minversion="4.1")

import weir.spark  # noqa: E402

SCHEMA = "seq bigint, bidder bigint, price bigint"
CONFIG = {"gold-from": 5000}
FILES = 5


def bids() -> list[tuple[int, int, int]]:
    numbers = random.Random(1)
    return [(seq, numbers.randrange(40), numbers.randrange(1000)) for seq in range(1500)]


def write(folder: pathlib.Path, number: int, rows: Sequence[Sequence[Any]]) -> None:
    """A file of a stream, which the stream takes in the order of their numbers."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{number:03}.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))


def engine(command: pathlib.Path, folder: pathlib.Path, rows: Sequence[Sequence[Any]], pipeline: str) -> list[dict[str, str]]:
    """What Weir gives for rows in this order: `pipeline` reads them from `in.csv`, and writes `out/`."""
    folder.mkdir()
    with (folder / "in.csv").open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    (folder / "pipeline.toml").write_text(pipeline)
    ran = subprocess.run([command, "run", folder / "pipeline.toml"], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return [row for file in sorted((folder / "out").glob("*.csv")) for row in csv.DictReader(file.open())]


def ends(frame: Any, folder: pathlib.Path) -> list[Any]:
    """Runs a stream from its checkpoint over all files that there are; all its results so far."""
    query = frame.writeStream.format("parquet").option("checkpointLocation", str(folder / "checkpoint"))
    query.trigger(availableNow=True).start(str(folder / "out")).awaitTermination()
    return frame.sparkSession.read.parquet(str(folder / "out")).collect()


def test_levels_are_those_of_weir_in_batches_and_in_streams_that_resume(
    spark: Any, root: pathlib.Path, command: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    component, rows = root / "examples/hot-swap/level_v1.wasm", bids()
    types = 'seq = "int64", bidder = "int64", price = "int64"'
    found = engine(command, tmp_path / "weir", rows, f"""
        sources.in = {{ connector = "file", path = "in.csv", header = false, schema = {{ {types} }} }}
        operators.level = {{ input = "in", component = "{component}", key-by = ["bidder"], config = {{ gold-from = 5000 }} }}
        sinks.out = {{ input = "level", connector = "file", path = "out/", format = "csv" }}
    """)
    model = sorted((int(row["seq"]), int(row["bidder"]), int(row["price"]), int(row["sum"]), row["level"]) for row in found)
    assert len(model) == len(rows) and {level for *_, level in model} == {"silver", "gold"}

    def leveled(frame: Any, version: int = 1) -> Any:
        of = root / f"examples/hot-swap/level_v{version}.wasm"
        config = CONFIG | ({"platinum-from": 1_000_000} if version == 2 else {})
        return weir.spark.transform_keyed(frame, of, keys="bidder", sequence="seq", key_groups=8, config=config)

    shuffled = random.Random(2).sample(rows, len(rows))
    for partitions in (1, 2, 4):
        assert sorted(map(tuple, leveled(spark.createDataFrame(shuffled, SCHEMA).repartition(partitions)).collect())) == model

    size = len(rows) // FILES
    parts = [random.Random(3).sample(rows[start:start + size], size) for start in range(0, len(rows), size)]
    for number, part in enumerate(parts[:3]):
        write(tmp_path / "in", number, part)
    stream = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).csv(str(tmp_path / "in"))
    assert sorted(map(tuple, ends(leveled(stream), tmp_path))) == model[:3 * size]
    write(tmp_path / "in", 3, parts[3])
    assert sorted(map(tuple, ends(leveled(stream), tmp_path))) == model[:4 * size]
    # Another version reads the state that the first one has left.
    write(tmp_path / "in", 4, parts[4])
    assert sorted(map(tuple, ends(leveled(stream, version=2), tmp_path))) == model


def at(us: int) -> str:
    return datetime.datetime.fromtimestamp(us / 1e6, datetime.UTC).isoformat()


def test_timers_fire_at_the_watermark_of_spark_as_at_that_of_weir(
    spark: Any, root: pathlib.Path, command: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    component, numbers = root / "examples/nexmark/hot_items.wasm", random.Random(4)
    # Each file has the counts of some windows of a second, a few of them late by one file.
    windows = [(window, numbers.choice([0, 0, 0, 1])) for window in range(30)]
    files: list[list[tuple[Any, ...]]] = [[] for _ in range(4)]
    for window, behind in windows:
        start, end = 1_800_000_000_000_000 + window * 1_000_000, 1_800_000_000_000_000 + (window + 1) * 1_000_000
        for auction in range(5):
            files[min(window // 10 + behind, 3)].append((at(start), at(end), auction, numbers.randrange(4), at(end - 1)))
    columns = "window_start timestamp, window_end timestamp, auction bigint, num bigint, at timestamp"
    types = 'window_start = "timestamp", window_end = "timestamp", auction = "int64", num = "int64", at = "timestamp"'
    found = engine(command, tmp_path / "weir", [row for file in files for row in file], f"""
        [sources.in]
        connector = "file"
        path = "in.csv"
        header = false
        event-time = "at"
        watermark = {{ bounded-out-of-orderness = "10s" }}
        schema = {{ {types} }}
        [operators]
        hot = {{ input = "in", component = "{component}", key-by = ["window_start", "window_end"] }}
        [sinks]
        out = {{ input = "hot", connector = "file", path = "out/", format = "csv" }}
    """)
    model = sorted((int(row["auction"]), int(row["num"]), datetime.datetime.fromisoformat(row["window_end"])) for row in found)

    def hot(frame: Any) -> Any:
        keys = ["window_start", "window_end"]
        return weir.spark.transform_keyed(frame, component, keys=keys, any_order=True, event_time="at", key_groups=4)

    def rows(found: list[Any]) -> list[Any]:
        return sorted((row.auction, row.num, row.window_end.replace(tzinfo=datetime.UTC)) for row in found)

    for number, file in enumerate(files):
        write(tmp_path / "in", number, file)
    assert rows(hot(spark.read.schema(columns).csv(str(tmp_path / "in"))).collect()) == model

    stream = spark.readStream.schema(columns).option("maxFilesPerTrigger", 1).csv(str(tmp_path / "in"))
    # All windows that have ended before the last watermark, which is 10 seconds before the last row.
    last = max(end for _, _, end in model) - datetime.timedelta(seconds=10)
    assert rows(ends(hot(stream.withWatermark("at", "10 seconds")), tmp_path)) == [row for row in model if row[2] < last]
    # Nothing is due until other rows raise the watermark.
    write(tmp_path / "in", 4, [(at(1_900_000_000_000_000), at(1_900_000_001_000_000), 1, 1, at(1_900_000_000_999_999))])
    assert rows(ends(hot(stream.withWatermark("at", "10 seconds")), tmp_path)) == model


def test_timers_of_the_clock_fire_although_no_rows_come(spark: Any, root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    code = (root / "tests/guests/reminder.wasm").read_bytes()

    def reminded(folder: str, due: int, **options: Any) -> Any:
        write(tmp_path / folder, 0, [(1, due), (2, due)])
        stream = spark.readStream.schema("key bigint, value bigint").csv(str(tmp_path / folder))
        return weir.spark.transform_keyed(stream, code, keys="key", any_order=True, key_groups=4, **options)

    in_a_day = time.time_ns() // 1000 + 86_400_000_000
    with pytest.raises(Exception, match="has set a timer: name the column event_time, or say processing_timers=True"):
        ends(reminded("refused-in", in_a_day), tmp_path / "refused")
    due = time.time_ns() // 1000 + 10_000_000
    query = reminded("in", due, processing_timers=True).writeStream.format("memory").queryName("fired").start()
    try:
        until(lambda: spark.table("fired").count() == 2, query)
        assert all(row.at == due <= row.now for row in spark.table("fired").collect())
    finally:
        query.stop()


def until(is_so: Callable[[], bool], query: Any) -> None:
    """Waits until something is so, while a query runs."""
    deadline = time.monotonic() + 120
    while not is_so():
        assert query.isActive and time.monotonic() < deadline, query.exception()
        time.sleep(0.2)


def test_columns_of_every_type_go_through_a_stream_as_they_are(spark: Any, root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    rows = [
        (1, 60, None, "é", Decimal("-0.10"), datetime.datetime(2026, 3, 29, 2, 30, 0, 1), datetime.date(1969, 12, 31), b"\0", [1, None]),
        (1, None, 2**31 - 1, None, None, None, None, None, None),
        (2, 40, 3, "", Decimal("1.00"), datetime.datetime(1950, 1, 1), datetime.date(2026, 1, 1), b"", []),
    ]
    schema = "bidder bigint, price bigint, n int, t string, d decimal(38,2), at timestamp, day date, bytes binary, list array<int>"
    spark.createDataFrame(rows, schema).coalesce(1).write.parquet(str(tmp_path / "in"))
    code = (root / "examples/hot-swap/level_v1.wasm").read_bytes()
    stream = spark.readStream.schema(schema).parquet(str(tmp_path / "in"))
    options = {"keys": ["bidder"], "any_order": True, "config": CONFIG, "on_error": "dead-letter"}
    leveled = weir.spark.transform_keyed(stream, code, **options)
    assert [field.simpleString() for field in leveled.schema.fields][:-2] == [field.simpleString() for field in stream.schema.fields]
    found = sorted(tuple(row) for row in ends(leveled, tmp_path / "main"))
    assert found == [(*rows[0], 60, "silver"), (*rows[2], 40, "silver")]
    letters = ends(weir.spark.transform_keyed(stream, code, output="dead-letter", **options), tmp_path / "letters")
    assert [row.bidder for row in letters] == [1] and "price" in letters[0].error


def test_what_cannot_be_right_is_refused_at_once(spark: Any, root: pathlib.Path) -> None:
    frame = spark.createDataFrame([(1, 1, 1.0)], "bidder bigint, price bigint, share double")
    stream = spark.readStream.format("rate").load().selectExpr("value as bidder", "value as price", "timestamp as at")
    component = root / "examples/hot-swap/level_v1.wasm"
    of = {"keys": "bidder", "config": CONFIG}
    for given, options, reason in [
        (frame, of, "say in which order a key's rows are"),
        (frame, of | {"sequence": "price", "any_order": True}, "both were said"),
        (frame, of | {"sequence": "seq"}, "there is no column 'seq' to order rows by; there are bidder, price, share"),
        (frame, of | {"sequence": ["share"]}, "rows cannot be ordered by 'share', which is double"),
        (frame, of | {"any_order": True, "keys": "other"}, 'there is no column "other" for the key'),
        (frame, of | {"any_order": True, "output": "side"}, "level_v1 has no output 'side'; it has main"),
        (stream, of | {"any_order": True, "event_time": "at"}, r"call withWatermark\('at', ...\) on the DataFrame first"),
        (stream, of | {"any_order": True, "event_time": "at", "processing_timers": True}, "Spark has only timers of event time"),
    ]:
        with pytest.raises(weir.spark.WeirError, match=reason):
            weir.spark.transform_keyed(given, component, **options)
    with pytest.raises(weir.spark.WeirError, match="which keeps state per key"):
        weir.spark.transform(frame, component, config=CONFIG)
