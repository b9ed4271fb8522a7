"""The pipeline of pipeline.toml on Spark: the same component, watermark, windows and results.

spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:VERSION spark.py BROKERS TOPIC RESULTS CHECKPOINTS ROWS_PER_BATCH [live]

VERSION is that of Spark.
"""

import pathlib
import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

import weir.spark

if len(sys.argv) < 6:
    sys.exit(__doc__)
brokers, topic, results, checkpoints, rows_per_batch, *live = sys.argv[1:]
component = pathlib.Path(__file__).parent / "../flights/classify.wasm"

spark = SparkSession.builder.appName("three-engines").config("spark.sql.session.timeZone", "UTC").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")

messages = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", brokers)
    .option("subscribe", topic)
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", rows_per_batch)
    .load()
)
schema = "flight string, origin string, dep_delay bigint, departed timestamp"
departures = messages.select(f.from_json(f.col("value").cast("string"), schema).alias("row")).select("row.*")

classified = weir.spark.transform(departures, component, config={"late-after-minutes": 15, "very-late-after-minutes": 60})

per_minute = (
    classified.withWatermark("departed", "10 seconds")
    .groupBy(f.window("departed", "1 minute"), "origin", "delay_class")
    .agg(f.count("*").alias("flights"))
    .select(
        f.date_format("window.start", "yyyy-MM-dd'T'HH:mm:ssX").alias("window_start"), "origin", "delay_class", "flights"
    )
)


def write(counts: DataFrame, _batch: int) -> None:
    """Writes the windows that a micro-batch has closed."""
    counts.persist()
    if not counts.isEmpty():
        values = counts.select(f.to_json(f.struct("*")).alias("value"))
        values.write.format("kafka").option("kafka.bootstrap.servers", brokers).option("topic", results).save()
        counts.show(6)
    counts.unpersist()


# It ends when everything is read that was there at the start; a live one runs for ever, batch after batch.
trigger = {"processingTime": "0 seconds"} if live else {"availableNow": True}
query = per_minute.writeStream.foreachBatch(write).option("checkpointLocation", checkpoints).trigger(**trigger)
query.start().awaitTermination()
