// Emits a reading when it is far from the last one of its sensor, and says so when a sensor has been silent.

import { keep, keepAll, keyed } from 'weir-sdk';

export default keyed(
  {
    title: '{{name}}',
    // In the pipeline file: config = { degrees = 2.5, silence-seconds = 60 }, and key-by = ["sensor"]
    config: { degrees: 'float64', silenceSeconds: 'int64' },
    // The columns that it reads, by name, and the event time, in microseconds.
    reads: { celsius: 'float64', at: 'event-time' },
    // What is kept per sensor, between batches and over restarts.
    state: { celsius: 'float64', silent_at: 'timestamp' },
    // The main output: all columns of the input, and one more.
    emits: { ...keepAll, degrees: 'float64' },
    // The side output `silent`: only the sensor.
    sides: { silent: { sensor: keep } },
  },
  {
    process(row, ctx) {
      const { config, state: last, timers } = ctx;
      const silentAt = row.at + config.silenceSeconds * 1_000_000;
      ctx.state = { celsius: row.celsius, silent_at: silentAt };
      timers.register(silentAt);
      if (last === null) return;
      if (last.silent_at !== silentAt) timers.delete(last.silent_at);
      const degrees = row.celsius - last.celsius;
      if (last.silent_at < row.at) {
        // The timer is due, but timers fire after the batch: this row came first.
        ctx.emit.silent();
      } else if (Math.abs(degrees) >= config.degrees) {
        return { degrees };
      }
    },

    onTimer(timer, ctx) {
      ctx.state = null;
      ctx.emit.silent();
    },
  },
);
