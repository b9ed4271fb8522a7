"""One step of one key group in a micro-batch: its state comes from Spark's state store and goes back, its next timer is one of Spark's."""

import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ._keyed_operator import Due
from ._library import WeirError
from ._opened import Component

# The state of a group, and for when its timer is set, milliseconds.
STATE_COLUMNS = "state binary, timer bigint"

# How Spark calls the time by which it calls for groups without rows.
EVENT_TIME, PROCESSING_TIME, NO_TIME = "eventTime", "processingTime", "none"

_BATCH_ROWS = 8192
_US = 1000


def step(
    runs: Component, schema: pa.Schema, parts: Sequence[pa.RecordBatch], order: Sequence[str], spark: tuple[Any, Any, Any, int | None]
) -> list[pa.RecordBatch]:
    """Has timers fire that are due, then processes rows; gives what came out. ``spark`` is the handle of the group, its state, the times of
    the micro-batch, and the timer that has expired, if one has."""
    handle, kept, times, fired = spark
    mode = time_mode(runs)
    now = time.time_ns() // 1_000_000 if mode == NO_TIME else times.getCurrentProcessingTimeInMs()
    # As in Weir the watermark is just below what Spark calls so: rows with that very time may still come. 0: Spark has none yet.
    reached = times.getCurrentWatermarkInMs() if mode == EVENT_TIME else now
    before = kept.get() if kept.exists() else None

    operator = runs.opened_keyed(schema)
    # The clock of the micro-batch, which is the same if it is run again.
    operator.begin(bytes(before[0]) if before else None, now=now * _US)
    made = runs.of_output(operator.advance_to(reached * _US - 1 if reached else None))
    if parts:
        for rows in _ordered(parts, order).to_batches(_BATCH_ROWS):
            made += runs.of_output(operator.process(rows))
        made += runs.of_output(operator.advance_to(None))

    state = operator.state()
    timer = _next_timer(runs, operator.due(), reached, mode)
    last = before[1] if before else None
    if last is not None and last not in (timer, fired):
        handle.deleteTimer(last)
    if timer is not None and (timer != last or fired is not None):
        handle.registerTimer(timer)
    if state is None:
        kept.clear()
    elif before is None or (state, timer) != (bytes(before[0]), last):
        kept.update((state, timer))
    return made


def _ordered(parts: Sequence[pa.RecordBatch], order: Sequence[str]) -> pa.Table:
    table = pa.Table.from_batches(parts).combine_chunks()
    if not order:
        return table
    # Nulls first, as Spark sorts.
    columns = [by for name in order for by in (pc.is_valid(table[name]), table[name])]
    by = pa.table(columns, names=[str(number) for number in range(len(columns))])
    return table.take(pc.sort_indices(by, sort_keys=[(name, "ascending") for name in by.column_names]))


def time_mode(runs: Component) -> str:
    """By which time Spark calls for groups without rows."""
    if runs.options["event_time"] is not None:
        return EVENT_TIME
    return PROCESSING_TIME if runs.processing_timers else NO_TIME


def _next_timer(runs: Component, due: Due, reached: int, mode: str) -> int | None:
    """When Spark is to call for the group again, milliseconds of the time that it looks at: it does so once that is above."""
    due_times = [due.watermark] if mode == EVENT_TIME else [due.watermark, due.clock]
    times = [of for of in due_times if of is not None]
    # What only expires can wait.
    if runs.options["ttl"] is None and mode == EVENT_TIME and due.clock is not None:
        raise WeirError(
            f"{runs.options['name']} has set a timer of processing time, and with event_time Spark has only those of event time: "
            "leave event_time out, and say processing_timers=True"
        )
    if mode == NO_TIME:
        if times and runs.options["ttl"] is None:
            raise WeirError(
                f"{runs.options['name']} has set a timer: name the column event_time, or say processing_timers=True for timers by the clock"
            )
        return None
    # What is due already waits for the next micro-batch.
    return max(min(times) // _US, reached + 1) if times else None
