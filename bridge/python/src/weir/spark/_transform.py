"""A DataFrame through a component, by ``mapInArrow``."""

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._library import WeirError
from ._operator import Operator, opened

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
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    if not hasattr(frame, "mapInArrow"):
        raise TypeError(f"transform takes a DataFrame of Spark, not {type(frame).__name__}")
    if isinstance(component, bytes):
        name, code = "operator", component
    else:
        path = pathlib.Path(component)
        try:
            name, code = path.stem, path.read_bytes()
        except OSError as error:
            raise WeirError(f"cannot read the component {path}: {error.strerror}") from error
    options: dict[str, Any] = {
        "name": name, "config": dict(config or {}), "on_error": on_error, "event_time": event_time, "limits": dict(limits or {}),
    }
    session = frame.sparkSession
    zone = session.conf.get("spark.sql.session.timeZone")
    schema = to_arrow_schema(frame.schema, timezone=zone)
    outputs = Operator(code, schema, **options).outputs
    if output not in outputs:
        hint = "; with on_error=\"dead-letter\" it has that one" if output == "dead-letter" else ""
        raise WeirError(f"{name} has no output {output!r}; it has {', '.join(outputs)}{hint}")

    def rows(batches: Iterator["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            # The columns as they are here: Spark decides on some details, such as the width of offsets.
            operator = opened(code, batch.schema, options)
            yield from operator.process(batch).get(output, [])

    return frame.mapInArrow(rows, from_arrow_schema(outputs[output]))
