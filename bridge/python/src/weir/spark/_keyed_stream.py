"""Streams: the rows of a micro-batch go to their key group as chunks of Arrow, and its state is one value of Spark's state store."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ._key_group_state import STATE_COLUMNS, step, time_mode
from ._keyed_batch import GROUP, runs_of
from ._library import WeirError
from ._opened import Component

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CHUNK = "chunk"
_PROVIDER = "spark.sql.streaming.stateStore.providerClass"
_ROCKS = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_WATERMARK = "spark.watermarkDelayMs"


def stream(frame: "DataFrame", runs: Component, schema: pa.Schema, made: pa.Schema, order: Sequence[str]) -> "DataFrame":
    """The rows that a component gives for those of a DataFrame of a stream."""
    from pyspark.sql.pandas.types import from_arrow_schema

    _check(frame, runs.options["event_time"])
    # Spark would make a Python object of each value, and another type of some: what it sees is bytes.
    chunks = frame.mapInArrow(lambda batches: _chunks(batches, runs, schema), f"{GROUP} int, {CHUNK} binary")
    groups = chunks.groupBy(GROUP)
    stepped = groups.transformWithState(_processor(runs, schema, order), f"{CHUNK} binary", "append", time_mode(runs))
    return stepped.mapInArrow(_unpacked, from_arrow_schema(made))


def _check(frame: "DataFrame", event_time: str | None) -> None:
    """What Spark would say in the middle of the query, or not at all."""
    if not hasattr(frame.groupBy(), "transformWithState"):
        raise WeirError("streams with state need Spark 4.1 or newer")
    if not (frame.sparkSession.conf.get(_PROVIDER) or "").endswith("RocksDBStateStoreProvider"):
        raise WeirError(f"streams with state need Spark's state store of RocksDB: set {_PROVIDER} to {_ROCKS}")
    try:
        import google.protobuf.descriptor  # noqa: F401
    except ImportError as error:
        raise WeirError("streams with state need the Python package protobuf, here and on the executors: install it") from error
    if event_time is not None and _WATERMARK not in (frame.schema[event_time].metadata or {}):
        raise WeirError(f"Spark keeps no watermark of {event_time!r}: call withWatermark({event_time!r}, ...) on the DataFrame first")


def _chunks(batches: Iterator[pa.RecordBatch], runs: Component, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of each key group of a batch as one value."""
    operator = runs.opened_keyed(schema)
    for batch in batches:
        for rows in pa.Table.from_batches([batch]).cast(schema).to_batches():
            groups = operator.groups(rows)
            by_group = pa.compute.sort_indices(groups)
            parts = list(runs_of(groups.take(by_group), rows.take(by_group)))
            found = pa.array([group for group, _ in parts], pa.int32())
            yield pa.record_batch({GROUP: found, CHUNK: pa.array([packed([part]) for _, part in parts], pa.binary())})


def packed(batches: Sequence[pa.RecordBatch]) -> bytes:
    """Batches with their columns as bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def _unpacked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for chunk in batch.column(0):
            yield from pa.ipc.open_stream(chunk.as_buffer())


def _processor(runs: Component, schema: pa.Schema, order: Sequence[str]) -> Any:
    """What Spark calls for each key group. A class of Spark's, which is only there if Spark is."""
    from pyspark.sql import Row
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor

    class KeyGroups(StatefulProcessor):
        def init(self, handle: Any) -> None:
            self._handle, self._state = handle, handle.getValueState("weir", STATE_COLUMNS)

        def handleInputRows(self, key: Any, rows: Iterator[Any], timerValues: Any) -> Iterator[Any]:
            return self._step([row[CHUNK] for row in rows], timerValues, None)

        def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Any]:
            return self._step([], timerValues, expiredTimerInfo.getExpiryTimeInMs())

        def _step(self, chunks: Sequence[bytes], times: Any, fired: int | None) -> Iterator[Any]:
            parts = [batch for chunk in chunks for batch in pa.ipc.open_stream(pa.py_buffer(chunk))]
            made = step(runs, schema, parts, order, (self._handle, self._state, times, fired))
            return iter([Row(**{CHUNK: packed(made)})] if made else [])

    return KeyGroups()
