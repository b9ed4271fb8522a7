"""Batch jobs: each task has the rows of some key groups, group by group and in order, so that no group has to be in memory as a whole."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ._opened import Component

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

GROUP = "__weir_key_group"


def batch(frame: "DataFrame", runs: Component, made: pa.Schema, order: Sequence[str]) -> "DataFrame":
    """The rows that a component gives for those of a DataFrame of a batch job."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import IntegerType, StructField, StructType

    def grouped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows in batches:
            groups = runs.opened_keyed(rows.schema).groups(rows)
            yield pa.RecordBatch.from_arrays([groups, *rows.columns], schema=pa.schema([pa.field(GROUP, pa.int32()), *rows.schema]))

    def stepped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        last, operator = None, None
        for batch in batches:
            rows = pa.RecordBatch.from_arrays(batch.columns[1:], schema=pa.schema(list(batch.schema)[1:]))
            operator = runs.opened_keyed(rows.schema)
            for group, part in runs_of(batch.column(0), rows):
                if group != last:
                    if last is not None:
                        yield from runs.of_output(operator.end())
                    operator.begin()
                    last = group
                yield from runs.of_output(operator.process(part))
        if last is not None:
            yield from runs.of_output(operator.end())

    columns = StructType([StructField(GROUP, IntegerType()), *frame.schema.fields])
    by = [F.col("`" + name.replace("`", "``") + "`") for name in order]
    spread = frame.mapInArrow(grouped, columns).repartition(GROUP).sortWithinPartitions(GROUP, *by)
    return spread.mapInArrow(stepped, from_arrow_schema(made))


def runs_of(groups: pa.Array, rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each run of equal groups."""
    found, start = pc.run_end_encode(groups), 0
    for group, end in zip(found.values.to_pylist(), found.run_ends.to_pylist()):
        yield group, rows.slice(start, end - start)
        start = end
