"""What a component costs in PySpark, beside the same logic as UDFs, and beside what Spark takes to hand rows to Python and back.

    WEIR_LIBRARY=.../libweir_native.so PYTHONPATH=bridge/python/src python bridge/python/bench_transform.py examples/flights/classify.wasm

All run in turn, on one processor, over the same rows in memory; the fastest run of each counts. The results are compared.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

import weir.spark

ROWS = 8_000_000
RUNS = 3
CLASSES = ["very-late", "late", "early"]


def of_value(minutes: float | None) -> str | None:
    if minutes is None or pd.isna(minutes):
        return None
    return "very-late" if minutes > 60 else "late" if minutes > 15 else "early" if minutes < 0 else "on-time"


def by_value(minutes: pd.Series) -> pd.Series:
    return minutes.map(of_value)


def by_column(minutes: pd.Series) -> pd.Series:
    classes = np.select([minutes > 60, minutes > 15, minutes < 0], CLASSES, "on-time")
    return pd.Series(classes, dtype=object).where(minutes.notna(), None)


def one_text(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """No logic: what is left is Spark's."""
    for batch in batches:
        columns = [*batch.columns, pa.repeat("on-time", batch.num_rows)]
        yield pa.RecordBatch.from_arrays(columns, names=["id", "dep_delay", "delay_class"])


def seconds(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main(component: str) -> None:
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    delay = "CAST(CASE WHEN id % 97 = 0 THEN NULL ELSE (id * 7919) % 200 - 60 END AS BIGINT) AS dep_delay"
    rows = spark.range(0, ROWS, 1, 1).selectExpr("id", delay).cache()
    rows.count()
    frames: dict[str, DataFrame] = {
        "component": weir.spark.transform(rows, component),
        "pandas UDF, by value": rows.withColumn("delay_class", pandas_udf(by_value, "string")("dep_delay")),
        "pandas UDF, by column": rows.withColumn("delay_class", pandas_udf(by_column, "string")("dep_delay")),
        "Python UDF": rows.withColumn("delay_class", F.udf(of_value, "string")("dep_delay")),
        "mapInArrow without logic": rows.mapInArrow(one_text, "id long, dep_delay long, delay_class string"),
    }
    best = dict.fromkeys(frames, float("inf"))
    for _ in range(RUNS):
        for name, frame in frames.items():
            best[name] = min(best[name], seconds(frame.write.format("noop").mode("overwrite").save))
    for name, taken in best.items():
        print(f"{name:26} {taken / ROWS * 1e9:6.0f} ns per row")
    counts = {name: sorted(map(str, frame.groupBy("delay_class").count().collect())) for name, frame in frames.items()}
    logic = list(frames)[:4]
    assert all(counts[name] == counts[logic[0]] for name in logic), counts


if __name__ == "__main__":
    main(sys.argv[1])
