// A keyed counter with a timer, a map and a state migration. The same sample in every language has the same meaning:
//
// It is keyed by `key` (utf8) and reads `value` (int64, never null) and the event time. For each row, in this order:
//   the state (version 2: `count` int64, `sum` int64, `due` timestamp(us) or null) counts the row and adds the value; a sum beyond int64
//   refuses the row: `the sum is out of range`;
//   the map `seen` (key `value` int64, value `times` int64) counts how often the key had this value;
//   the timer at `due` is deleted, and one at the event time + `idle-seconds` is registered, which is `due` from then on;
//   a value below 0 refuses the row now, after all this: `the value is -1`; nothing of it may stay;
//   a row is emitted: the columns of the input (kept), `count`, `sum` and `times`.
// When the timer fires, the side output `idle` gets `key` (kept), `count`, `different` (int64: entries in `seen`) and `largest` (int64: the largest
// value in `seen`); then the entries and the state are removed.
// Version 1 of the state had only `count` (int32); it becomes a state with that count, `sum` 0 and `due` null.
// Configuration: `idle-seconds` (int64, default 10).

import { keep, keepAll, keyed, RowError } from 'weir-sdk';

const LARGEST = 2n ** 63n - 1n;

export default keyed({
  title: 'Counter',
  config: { idleSeconds: { type: 'int64', default: 10, doc: 'a key is idle after so many seconds' } },
  reads: { value: 'bigint64', at: 'event-time' },
  state: { count: 'int64', sum: 'bigint64', due: 'timestamp?' },
  version: 2,
  maps: { seen: { key: { value: 'bigint64' }, value: { times: 'int64' } } },
  emits: { ...keepAll, count: 'int64', sum: 'bigint64', times: 'int64' },
  sides: { idle: { key: keep, count: 'int64', different: 'int64', largest: 'bigint64' } },
}, {
  prefetch({ value }, { entries }) {
    entries.seen({ value });
  },

  process({ value, at }, ctx) {
    const state = ctx.state ??= { count: 0, sum: 0n, due: null };
    state.count++;
    state.sum += value;
    if (state.sum > LARGEST || state.sum < -LARGEST - 1n) throw new RowError('the sum is out of range');
    const { seen } = ctx.maps;
    const times = (seen.get({ value })?.times ?? 0) + 1;
    seen.set({ value }, { times });
    if (state.due !== null) ctx.timers.delete(state.due);
    state.due = at + ctx.config.idleSeconds * 1_000_000;
    ctx.timers.register(state.due);
    if (value < 0n) throw new RowError(`the value is ${value}`);
    return { count: state.count, sum: state.sum, times };
  },

  onTimer(timer, ctx) {
    const entries = ctx.maps.seen.scan().map(([key]) => key);
    ctx.emit.idle({ count: ctx.state.count, different: entries.length, largest: entries.at(-1).value });
    for (const key of entries) ctx.maps.seen.delete(key);
    ctx.state = null;
  },

  migrate(fromVersion, states) {
    return states.read({ count: 'int32' }).map((old) => old && { count: old.count, sum: 0n, due: null });
  },
});
