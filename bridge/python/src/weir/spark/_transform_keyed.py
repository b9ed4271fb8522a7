"""A DataFrame through a component that keeps state per key. The unit of Spark's grouping and state is Weir's key group, not the key."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ._columns import arrow_schema, output_schema
from ._keyed_batch import batch
from ._keyed_operator import KEY_GROUPS, column_names
from ._keyed_stream import stream
from ._library import WeirError
from ._opened import Component

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def transform_keyed(
    frame: "DataFrame",
    component: str | os.PathLike[str] | bytes,
    *,
    keys: str | Sequence[str],
    sequence: str | Sequence[str] | None = None,
    any_order: bool = False,
    config: Mapping[str, Any] | None = None,
    on_error: str = "fail",
    output: str = "main",
    event_time: str | None = None,
    limits: Mapping[str, Any] | None = None,
    processing_timers: bool = False,
    ttl: str | Mapping[str, Any] | None = None,
    key_groups: int = KEY_GROUPS,
) -> "DataFrame":
    """The rows that a component with state per key gives for those of a DataFrame, batch or streaming.

    ``keys`` are the columns of the key. A key's rows come in the order of the ``sequence`` columns, ascending, such as the partition and
    offset of Kafka; Spark itself keeps no order. ``any_order=True`` says that the component does not depend on it.

    In a batch job the watermark rises once, to its end, behind all rows. In a stream states and timers are in Spark's state store, one
    value for each of ``key_groups``, whose number cannot change later. With ``event_time`` the watermark is Spark's: call
    ``withWatermark`` on that column first; without, rows have the time at which they are processed. A component that sets timers then
    needs ``processing_timers=True``: Spark runs a micro-batch at every trigger although no rows come, and ``availableNow`` does not end.
    Everything else is as in :func:`transform` and :class:`KeyedOperator`.

    Raises :class:`WeirError` at once if the component cannot run over the columns of the DataFrame.
    """
    schema = arrow_schema(frame, "transform_keyed")
    keys, order = column_names("keys", keys), column_names("sequence", sequence or ())
    _check_order(schema, order, any_order)
    options = {
        "config": config, "on_error": on_error, "event_time": event_time, "limits": limits,
        "keys": keys, "key_groups": key_groups, "ttl": ttl,
    }
    if processing_timers and event_time is not None:
        raise WeirError("with event_time Spark has only timers of event time: leave event_time or processing_timers out")
    runs = Component.read(component, options, output, processing_timers)
    made = output_schema(frame, runs, schema)
    return stream(frame, runs, schema, made, order) if frame.isStreaming else batch(frame, runs, made, order)


def _check_order(schema: pa.Schema, order: Sequence[str], any_order: bool) -> None:
    if any_order == bool(order):
        raise WeirError(
            "say in which order a key's rows are, with sequence=[...], or with any_order=True that the component does not depend on it: "
            "Spark keeps no order" + ("; both were said" if any_order else "")
        )
    for name in order:
        if name not in schema.names:
            raise WeirError(f"there is no column {name!r} to order rows by; there are {', '.join(schema.names)}")
        of = schema.field(name).type
        is_ordered = pa.types.is_integer(of) or pa.types.is_temporal(of) or pa.types.is_string(of) or pa.types.is_decimal(of)
        if not is_ordered:
            raise WeirError(f"rows cannot be ordered by {name!r}, which is {of}: by whole numbers, decimals, times or text they can")
