// A keyed counter with a state, a timer, a map and a migration of its state. The same operator in every language; this is its meaning.
//
// Input, keyed by some column: word utf8?; value int64; and the event time. Config: `gap-seconds` (int64, at least 1).
//
// - A row with a negative value is refused: "value is -1". It leaves no trace, although the state is changed before it is noticed.
// - State, version 2: count uint64, total int64, due timestamp(us, UTC)?; a new key has 0, 0 and null.
// - A row whose event time is at or after `due` comes after the timer, which fires behind the batch: first what the timer would do is done.
// - A row: count + 1, total + value. If the word is not null, its entry in the map `words` (key utf8 `word`, value int64 `times`) is raised
//   by 1, beginning with 0. The event-time timer at `due` is deleted, if there is one; `due` becomes the event time plus the gap, and a timer
//   is registered there.
//   Main output: all input columns, and count uint64, total int64, times int64? (that of the word).
// - A timer at `due`: the side output `summary` gets the key's columns that are called `key`, and count uint64, words int64 (how many entries
//   the map has, at most 1,000), first utf8? (the least word). Then the entries are removed, and the state. Any other timer does nothing.
// - Version 1 of the state had: count uint32 only. Its total is 0, and nothing is due. Any other version is an error.

import { keep, keepAll, keyed, RowError } from 'weir-sdk';

const WORDS_MAX = 1000;

export default keyed(
  {
    title: 'A counter per key',
    config: { gapSeconds: 'int64' },
    validate({ gapSeconds }) {
      if (gapSeconds < 1) throw new RangeError('`gap-seconds` is at least 1');
    },
    reads: { word: 'utf8?', value: 'bigint64', at: 'event-time' },
    state: { count: 'uint64', total: 'bigint64', due: 'timestamp?' },
    version: 2,
    maps: { words: { key: { word: 'utf8' }, value: { times: 'int64' } } },
    emits: { ...keepAll, count: 'uint64', total: 'bigint64', times: 'int64?' },
    sides: { summary: { key: keep, count: 'uint64', words: 'int64', first: 'utf8?' } },
  },
  {
    prefetch({ word }, { entries }) {
      if (word !== null) entries.words({ word });
    },

    process({ word, value, at }, ctx) {
      const {
        timers,
        maps: { words },
      } = ctx;
      const due = ctx.state?.due ?? null;
      if (due !== null && due <= at) {
        timers.delete(due);
        summarize(ctx);
      }
      const state = (ctx.state ??= { count: 0, total: 0n, due: null });
      state.count++;
      state.total += value;
      let times = null;
      if (word !== null) {
        times = (words.get({ word })?.times ?? 0) + 1;
        words.set({ word }, { times });
      }
      if (value < 0n) throw new RowError(`value is ${value}`);
      if (state.due !== null) timers.delete(state.due);
      state.due = at + ctx.config.gapSeconds * 1_000_000;
      timers.register(state.due);
      return { count: state.count, total: state.total, times };
    },

    onTimer({ time }, ctx) {
      if (ctx.state?.due === time) summarize(ctx);
    },

    migrate(fromVersion, states) {
      if (fromVersion !== 1) throw new RangeError(`there is no version ${fromVersion}`);
      return states.read({ count: 'uint32' }).map((old) => old && { count: old.count, total: 0n, due: null });
    },
  },
);

function summarize(ctx) {
  const words = ctx.maps.words.scan({ limit: WORDS_MAX }).map(([key]) => key);
  for (const key of words) ctx.maps.words.delete(key);
  ctx.emit.summary({ count: ctx.state.count, words: words.length, first: words[0]?.word ?? null });
  ctx.state = null;
}
