// Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.

import { keep, keepAll, keyed } from 'weir-sdk';

const MINUTE = 60_000_000;

export default keyed({
  title: '{{name}}',
  // In the pipeline file: config = { minutes = 30, silence-minutes = 120 }, and key-by = ["carrier"]
  config: { minutes: 'int64', silenceMinutes: 'int64' },
  // The columns that it reads, by name, and the event time, in microseconds.
  reads: { dep_delay: 'int64', departed: 'event-time' },
  // What is kept per carrier, between batches and over restarts.
  state: { dep_delay: 'int64', silent_at: 'timestamp' },
  // The main output: all columns of the input, and one more.
  emits: { ...keepAll, jump: 'int64' },
  // The side output `silent`: only the carrier.
  sides: { silent: { carrier: keep } },
}, {
  process(row, ctx) {
    const { config, state: last, timers } = ctx;
    const silentAt = row.departed + config.silenceMinutes * MINUTE;
    ctx.state = { dep_delay: row.dep_delay, silent_at: silentAt };
    timers.register(silentAt);
    if (last === null) return;
    if (last.silent_at !== silentAt) timers.delete(last.silent_at);
    const jump = row.dep_delay - last.dep_delay;
    if (last.silent_at < row.departed) {
      // The timer is due, but timers fire after the batch: this row came first.
      ctx.emit.silent();
    } else if (Math.abs(jump) >= config.minutes) {
      return { jump };
    }
  },

  onTimer(timer, ctx) {
    ctx.state = null;
    ctx.emit.silent();
  },
});
