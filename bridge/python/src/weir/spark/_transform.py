"""A DataFrame through a component that keeps nothing between rows, by ``mapInArrow``."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._columns import arrow_schema, output_schema
from ._opened import Component

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def transform(
    frame: "DataFrame",
    component: str | os.PathLike[str] | bytes,
    *,
    config: Mapping[str, Any] | None = None,
    on_error: str = "fail",
    output: str = "main",
    event_time: str | None = None,
    limits: Mapping[str, Any] | None = None,
) -> "DataFrame":
    """The rows that a component gives for those of a DataFrame, batch or streaming.

    ``component`` is the file of a component, or its bytes; it goes to the workers with the task. ``output`` names the output to take: a
    side output of the component, or ``dead-letter``. Everything else is as in :class:`Operator`. Columns keep their names and types; a
    timestamp comes back in the session's time zone, as everywhere in Spark.

    Raises :class:`WeirError` at once if the component cannot run over the columns of the DataFrame.
    """
    from pyspark.sql.pandas.types import from_arrow_schema

    schema = arrow_schema(frame, "transform")
    options = {"config": config, "on_error": on_error, "event_time": event_time, "limits": limits}
    runs = Component.read(component, options, output)

    def rows(batches: Iterator["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            # The columns as they are here: Spark decides on some details, such as the width of offsets.
            yield from runs.of_output(runs.opened(batch.schema).process(batch))

    return frame.mapInArrow(rows, from_arrow_schema(output_schema(frame, runs, schema)))
