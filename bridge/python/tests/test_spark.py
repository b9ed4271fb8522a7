import csv
import pathlib

import pytest

pyspark = pytest.importorskip("pyspark", minversion="4")

import weir.spark  # noqa: E402

CONFIG = {"late-after-minutes": 15, "very-late-after-minutes": 60}
COLUMNS = (
    "departed string, scheduled string, carrier string, flight bigint, tailnum string, origin string, dest string, dep_delay bigint, "
    "arr_delay bigint, air_time bigint, distance bigint"
)


def expected(data: pathlib.Path) -> list[tuple[str, ...]]:
    """The model: every flight with its class."""

    def of(delay: str) -> str | None:
        if delay == "":
            return None
        minutes = int(delay)
        return "very-late" if minutes > 60 else "late" if minutes > 15 else "early" if minutes < 0 else "on-time"

    with data.open() as file:
        return sorted((row["flight"], row["departed"], row["origin"], str(of(row["dep_delay"]))) for row in csv.DictReader(file))


def found(rows: list["pyspark.sql.Row"]) -> list[tuple[str, ...]]:
    return sorted((str(row.flight), row.departed, row.origin, str(row.delay_class)) for row in rows)


def test_batches_and_streams_give_every_flight_its_class(
    spark: "pyspark.sql.SparkSession", root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    data = root / "examples/flights/data"
    component = root / "examples/flights/classify.wasm"
    flights = spark.read.csv(str(data), header=True, schema=COLUMNS)
    model = expected(next(data.glob("*.csv")))
    classified = weir.spark.transform(flights.repartition(3), component, config=CONFIG)
    assert classified.columns == [*flights.columns, "delay_class"]
    assert found(classified.collect()) == model

    arriving = spark.readStream.csv(str(data), header=True, schema=COLUMNS)
    stream = weir.spark.transform(arriving, component.read_bytes(), config=CONFIG)
    query = stream.writeStream.format("parquet").option("checkpointLocation", str(tmp_path / "state"))
    query.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    assert found(spark.read.parquet(str(tmp_path / "out")).collect()) == model


def test_rows_that_fail_are_an_output_of_their_own(spark: "pyspark.sql.SparkSession", poison: bytes) -> None:
    numbers = spark.range(20).selectExpr("id as value")
    letters = weir.spark.transform(numbers, poison, on_error="dead-letter", output="dead-letter", limits={"call-time": "200ms"})
    assert sorted((row.value, row.error.split(":")[0]) for row in letters.collect())[0] == (7, "seven is refused")
    assert sorted(row.value for row in letters.collect()) == [7, 13, 17]
    with pytest.raises(weir.spark.WeirError, match="no output 'side'; it has main"):
        weir.spark.transform(numbers, poison, output="side")
    with pytest.raises(weir.spark.WeirError, match="cannot read the component none.wasm"):
        weir.spark.transform(numbers, "none.wasm")
    # Whichever of the bad rows comes first.
    with pytest.raises(Exception, match="could not be processed"):
        weir.spark.transform(numbers, poison, limits={"call-time": "200ms"}).collect()
    with pytest.raises(weir.spark.WeirError, match='with on_error="dead-letter" it has that one'):
        weir.spark.transform(numbers, poison, output="dead-letter")
    with pytest.raises(weir.spark.WeirError, match="config.since must be what JSON can say"):
        weir.spark.transform(numbers, poison, config={"since": float("nan")})
    with pytest.raises(TypeError, match="takes a DataFrame of Spark, not str"):
        weir.spark.transform("numbers.csv", poison)


def test_columns_and_zones_that_an_operator_cannot_have_are_refused_at_once(spark: "pyspark.sql.SparkSession", poison: bytes) -> None:
    for column, of, refused in [
        ("parse_json('1')", "variant", "variant"),
        ("map('a', 1)", "map<string,int>", "map<string,int>"),
        ("array(map('a', 1))", "array<map<string,int>>", "map<string,int>"),
        ("INTERVAL '1' DAY", "interval day", "interval day"),
    ]:
        frame = spark.range(1).selectExpr("id AS value", f"{column} AS odd")
        with pytest.raises(weir.spark.WeirError, match=f"column 'odd' is {of}, and operators have no type like {refused}: .*drop"):
            weir.spark.transform(frame, poison)
    times = spark.range(1).selectExpr("id AS value", "timestamp_seconds(id) AS at")
    for zone in ["GMT+1", "CET"]:
        spark.conf.set("spark.sql.session.timeZone", zone)
        with pytest.raises(weir.spark.WeirError, match=r"spark.sql.session.timeZone is '" + zone.replace("+", r"\+")):
            weir.spark.transform(times, poison)
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    assert len(weir.spark.transform(times, poison).collect()) == 1
    spark.conf.set("spark.sql.session.timeZone", "UTC")
