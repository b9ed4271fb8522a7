// A keyed counter with a state, timers, a map and a migration of its state. What it means is written in tests/conformance/README.md, for all languages.

import { keep, keepAll, keyed, RowError } from 'weir-sdk';

const WORDS_MAX = 1000;

export default keyed(
  {
    title: 'A counter per key',
    config: { gapSeconds: 'int64', alarmSeconds: 'int64?', totalMax: 'int64?' },
    validate({ gapSeconds, alarmSeconds }) {
      if (gapSeconds < 1) throw new RangeError('`gap-seconds` is at least 1');
      if (alarmSeconds !== null && alarmSeconds < 1) throw new RangeError('`alarm-seconds` is at least 1');
    },
    reads: { word: 'utf8?', value: 'bigint64', at: 'big-event-time' },
    state: { count: 'biguint64', total: 'bigint64', due: 'bigtimestamp?', alarm: 'bigtimestamp?' },
    version: 2,
    maps: { words: { key: { word: 'utf8' }, value: { times: 'int64' } } },
    emits: { ...keepAll, count: 'biguint64', total: 'bigint64', times: 'int64?' },
    sides: {
      summary: { key: keep, count: 'biguint64', words: 'int64', first: 'utf8?' },
      alarm: { key: keep, count: 'biguint64' },
    },
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
      const before = ctx.state?.due ?? null;
      if (before !== null && before <= at) summarize(ctx);
      if (ctx.state === null) {
        const { alarmSeconds } = ctx.config;
        const alarm = alarmSeconds === null ? null : after(BigInt(ctx.processingTime), alarmSeconds, 'alarm');
        if (alarm !== null) timers.registerProcessingTime(alarm);
        ctx.state = { count: 0n, total: 0n, due: null, alarm };
      }
      const state = ctx.state;
      if (state.count === UINT64_MAX) throw new RowError('count is out of range');
      state.count++;
      state.total = inRange(state.total + value, 'total');
      let times = null;
      if (word !== null) {
        times = (words.get({ word })?.times ?? 0) + 1;
        words.set({ word }, { times });
      }
      if (value < 0n) throw new RowError(`value is ${value}`);
      const due = after(at, ctx.config.gapSeconds, 'due');
      if (state.due !== null) timers.delete(state.due);
      state.due = due;
      timers.register(due);
      return { count: state.count, total: state.total, times };
    },

    onTimer({ domain, time }, ctx) {
      const { state } = ctx;
      if (state === null) return;
      const { total } = state;
      if (domain === 'event-time' && state.due === BigInt(time)) {
        summarize(ctx);
      } else if (domain === 'processing-time' && state.alarm === BigInt(time)) {
        ctx.emit.alarm({ count: state.count });
        state.alarm = null;
      }
      const { totalMax } = ctx.config;
      if (totalMax !== null && total > totalMax) throw new RowError(`total is ${total}`);
    },

    migrate(fromVersion, states) {
      if (fromVersion !== 1) return states.readWhole();
      return states.read({ count: 'uint32' }).map((old) => old && { count: BigInt(old.count), total: 0n, due: null, alarm: null });
    },
  },
);

const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;

function inRange(number, name) {
  if (number < -INT64_MAX - 1n || number > INT64_MAX) throw new RowError(`${name} is out of range`);
  return number;
}

const after = (time, seconds, name) => inRange(time + BigInt(seconds) * 1_000_000n, name);

function summarize(ctx) {
  const { due, alarm } = ctx.state;
  if (due !== null) ctx.timers.delete(due);
  if (alarm !== null) ctx.timers.deleteProcessingTime(alarm);
  const words = ctx.maps.words.scan({ limit: WORDS_MAX }).map(([key]) => key);
  for (const key of words) ctx.maps.words.delete(key);
  ctx.emit.summary({ count: ctx.state.count, words: words.length, first: words[0]?.word ?? null });
  ctx.state = null;
}
