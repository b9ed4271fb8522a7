// Finds planes that leave very late again, so many hours after they left very late: the same as knock-on, which is in Go. The watermark
// brings the departures of a plane into order: each sets a timer at its time, and timers fire in the order of time.

import { keep, keyed } from 'weir-sdk';

const MINUTE = 60_000_000;

export default keyed({
  title: 'Planes that are late again',
  config: { withinHours: 'int64' },
  // What it reads: no column, but the time of departure, which is the event time.
  reads: { departed: 'event-time' },
  // What is kept per plane.
  state: { last: 'timestamp' },
  // What it emits: the plane, which is the key, when it left again, and after how long.
  emits: { tailnum: keep, departed: 'timestamp', minutes_after: 'int64' },
}, {
  process({ departed }, { timers }) {
    timers.register(departed);
  },

  onTimer({ time }, ctx) {
    const { config, state } = ctx;
    ctx.state = { last: time };
    if (state !== null && time - state.last <= config.withinHours * 60 * MINUTE) {
      return { departed: time, minutes_after: Math.trunc((time - state.last) / MINUTE) };
    }
  },
});
