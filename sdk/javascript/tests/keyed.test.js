// Keyed operators and aggregates: states, maps, timers, and that nothing of a refused row stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregate, keepAll, keyed, optional, RowError } from 'weir-sdk';
import { connect } from 'weir-sdk/testing';

const SCHEMA = { k: 'utf8', n: 'int64' };
const rows = (...numbers) => numbers.map((n) => ({ k: 'a', n }));

test('a state goes back if it changed, and only then', () => {
  const op = keyed(
    {
      reads: { n: 'int64' },
      state: { list: ['int64'], deep: optional({ x: 'utf8?' }), bytes: 'binary', big: 'bigint64' },
      emits: { ...keepAll },
    },
    {
      process({ n }, ctx) {
        if (n === 0) ctx.state = { list: [], deep: null, bytes: Uint8Array.of(1), big: 0n };
        if (n === 1) ctx.state.list.push(7);
        if (n === 2) ctx.state.list[0] = 7;
        if (n === 3) ctx.state.deep = { x: 'y' };
        if (n === 4) ctx.state.bytes[0] = 9;
        if (n === 5) ctx.state = null;
      },
    },
  );
  const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
  const changed = [];
  const { process } = harness.connected;
  harness.connected.process = (...given) => {
    const delta = process(...given);
    changed.push(delta.changed.tag !== 'empty');
    return delta;
  };
  for (const n of [5, 0, 0, 1, 2, 3, 4, 4, 6]) harness.process(rows(n));
  assert.deepEqual(changed, [false, true, false, true, false, true, true, false, false]);
  assert.deepEqual(harness.states, [{ key: { k: 'a' }, state: { list: [7], deep: { x: 'y' }, bytes: Uint8Array.of(9), big: 0n } }]);
  harness.process(rows(5));
  assert.deepEqual(harness.states, []);
});

test('an entry of a map has one key, however it is written', () => {
  for (const [type, ...same] of [
    ['int64?', null, undefined],
    ['utf8?', null, undefined],
    ['float32', 0.1, Math.fround(0.1)],
    ['list<int64>', [0], [-0]],
    ['struct<a: int8?>', { a: null }, {}, { a: undefined }],
    ['binary', Uint8Array.of(1, 2), Buffer.from([1, 2])],
  ]) {
    const seen = [];
    const op = keyed(
      { reads: { n: 'int64' }, maps: { m: { key: { x: type }, value: { n: 'int64' } } }, emits: { ...keepAll } },
      (row, ctx) => {
        for (const x of same) seen.push(ctx.maps.m.get({ x })?.n);
        ctx.maps.m.set({ x: same[row.n] }, { n: row.n });
      },
    );
    const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
    harness.process(rows(0, 1, 0));
    assert.deepEqual(
      seen,
      [undefined, 0, 1].flatMap((n) => same.map(() => n)),
      type,
    );
    assert.equal(harness.entries('m').length, 1, type);
  }
  const zeros = keyed({ reads: {}, maps: { m: { key: { x: 'float64' } } }, emits: { ...keepAll } }, (_, ctx) => {
    for (const x of [0, -0, NaN]) ctx.maps.m.set({ x });
  });
  const harness = connect(zeros, { schema: SCHEMA, keyBy: ['k'] });
  harness.process(rows(0));
  assert.equal(harness.entries('m').length, 3);
});

test('a timer of an operator that has no onTimer passes', () => {
  const op = keyed({ reads: { n: 'int64' }, state: { n: 'int64' }, emits: { ...keepAll } }, (row, ctx) => {
    ctx.state = { n: row.n };
    ctx.timers.register(row.n);
  });
  const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
  harness.process(rows(5, 7));
  const { main, rejected } = harness.advanceTo(5);
  assert.deepEqual([main, rejected], [[], []]);
  assert.deepEqual(
    harness.timers.map(({ time }) => time),
    [7],
  );
  assert.deepEqual(harness.states, [{ key: { k: 'a' }, state: { n: 7 } }]);
});

test('a float32 is rounded for the next row as it is for the next call', () => {
  const declared = {
    reads: { n: 'int64' },
    state: { x: 'float32', more: 'float32?', list: ['float32'], deep: { y: 'float32' } },
    maps: { m: { key: { a: 'int8' }, value: { x: 'float32?' } } },
    emits: { ...keepAll, seen: 'utf8' },
  };
  const op = keyed(declared, (row, ctx) => {
    ctx.state ??= { x: 0, list: [0], deep: { y: 0 } };
    const { state } = ctx;
    state.x += 0.1;
    state.list[0] += 0.1;
    state.deep.y += 0.1;
    if (row.n === 2) state.more = 0.1;
    ctx.maps.m.set({ a: 1 }, { x: (ctx.maps.m.get({ a: 1 })?.x ?? 0) + 0.1 });
    return { seen: JSON.stringify([state, ctx.maps.m.get({ a: 1 })]) };
  });
  const [whole, parts] = [1, 2].map(() => connect(op, { schema: SCHEMA, keyBy: ['k'] }));
  const all = whole.process(rows(1, 2, 3)).main.slice(1);
  assert.deepEqual(
    all,
    rows(1, 2, 3)
      .flatMap((row) => parts.process([row]).main)
      .slice(1),
  );
  assert.deepEqual(whole.states, parts.states);
});

test('nothing of a refused row stays', () => {
  const op = keyed(
    {
      key: { k: 'utf8' },
      reads: { n: 'int64' },
      state: { list: ['int64'] },
      maps: { m: { key: { n: 'int64' }, value: { k: 'utf8' } }, set: { key: { n: 'int64' } } },
      emits: { ...keepAll, size: 'int32' },
      sides: { other: {} },
    },
    (row, ctx) => {
      ctx.state ??= { list: [] };
      ctx.state.list.push(row.n);
      ctx.timers.register(row.n);
      ctx.timers.registerProcessingTime(row.n);
      ctx.maps.m.set({ n: Math.abs(row.n) }, { k: ctx.key.k });
      ctx.maps.set.set({ n: 1 });
      ctx.maps.m.delete({ n: 5 });
      ctx.emit.other();
      if (row.n < 0) throw new RowError('negative');
      if (row.n === 13) ctx.state.list = 'x';
      if (row.n === 14) ctx.state.more = 1;
      if (row.n === 16) ctx.state = { list: [], lsit: [] };
      return { size: row.n === 15 ? 0.5 : ctx.state.list.length };
    },
  );
  const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
  const { main, outputs, rejected } = harness.process(rows(5, -7, 13, 14, 15, 16, 6));
  assert.deepEqual(
    main.map(({ size }) => size),
    [1, 2],
  );
  assert.equal(outputs.other.length, 2);
  assert.deepEqual(rejected, [
    { row: 1, reason: 'negative' },
    { row: 2, reason: 'the state: list is "x", but it is an array' },
    { row: 3, reason: rejected[2].reason },
    { row: 4, reason: 'size is 0.5, but it is an int32' },
    { row: 5, reason: 'the state has no field "lsit"; it has list' },
  ]);
  assert.match(
    rejected[2].reason,
    /^TypeError: Cannot add property more, object is not extensible \(tests\/keyed.test.js:\d+, in process\)$/,
  );
  assert.deepEqual(harness.states[0].state, { list: [5, 6] });
  assert.deepEqual(
    harness.timers.map(({ time, domain }) => `${time} ${domain}`),
    ['5 event-time', '5 processing-time', '6 event-time', '6 processing-time'],
  );
  assert.deepEqual(
    harness.entries('m').map(({ key, value }) => [key.n, value.k]),
    [[6, 'a']],
  );
  assert.equal(harness.entries('set').length, 1);
});

test('maps: what rows see, ranges, and values that are copies', () => {
  const seen = [];
  const op = keyed(
    {
      reads: { n: 'int64' },
      maps: { m: { key: { t: 'utf8?', x: 'float64' }, value: { n: 'int64', l: ['int8'] } } },
      emits: { ...keepAll },
    },
    {
      prefetch: ({ n }, { entries }) => entries.m({ t: null, x: n }),
      process({ n }, { maps: { m } }) {
        if (n === 0)
          for (const t of [null, 'é', '👍', '￿', 'a'])
            for (const x of [1, -0, 0, -1, Infinity]) m.set({ t, x }, { n: x === 1 ? 1 : 0, l: [] });
        const all = (range) =>
          m
            .scan(range)
            .map(([{ t, x }]) => `${t}:${Object.is(x, -0) ? '-0' : x}`)
            .join(' ');
        if (n === 1) {
          m.get({ t: null, x: 1 }).l.push(5);
          m.delete({ t: 'a', x: 0 });
          m.set({ t: 'a', x: 0.5 }, { n: 9, l: [] });
          seen.push(
            m.has({ t: null, x: 1 }),
            m.get({ t: null, x: 1 }).l.length,
            m.get({ t: 'q', x: 0 }) === undefined,
            all({ from: { t: 'a', x: -1 }, before: { t: 'a', x: Infinity } }),
          );
          seen.push(
            all({ after: { t: 'é', x: 1 }, limit: 4 }),
            all({ to: { t: null, x: -0 } }),
            all({ from: { t: 'b', x: 0 }, to: { t: 'a', x: 0 } }),
            m.scan().length,
          );
        }
        if (n === 2) m.get({ t: 5, x: 0 });
        if (n === 3) m.set({ t: 'a', x: 0 }, { n: 1 });
      },
    },
  );
  const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
  harness.process(rows(0));
  const { rejected } = harness.process(rows(1, 2, 3));
  assert.deepEqual(seen, [true, 0, true, 'a:-1 a:-0 a:0.5 a:1', 'é:Infinity ￿:-1 ￿:-0 ￿:0', 'null:-1 null:-0', '', 25]);
  assert.deepEqual(
    rejected.map(({ reason }) => reason),
    ['the map m: its key: t is 5, but it is a utf8?', 'the map m: its value: l is missing, but it is a list<int8>'],
  );
  assert.equal(harness.entries('m').length, 25);
});

test('timers of both domains, the last change counts', () => {
  const op = keyed(
    {
      key: { k: 'utf8' },
      reads: { n: 'int64' },
      state: { due: 'timestamp' },
      emits: { t: 'int64', domain: 'utf8', k: 'utf8', watermark: 'int64?' },
    },
    {
      process({ n }, { timers }) {
        if (n === 5) timers.delete(5);
        timers.register(n);
        if (n === 6) timers.delete(6);
        timers.registerProcessingTime(BigInt(n));
        if (n === 7) timers.register(0.5);
      },
      onTimer(timer, ctx) {
        if (timer.time === 8) throw new TypeError('eight');
        if (timer.time === 1) ctx.timers.delete(2);
        return { t: timer.time, domain: timer.domain, k: ctx.key.k, watermark: ctx.watermark };
      },
    },
  );
  const harness = connect(op, { schema: SCHEMA, keyBy: ['k'] });
  assert.match(harness.process(rows(1, 2, 5, 6, 7, 8)).rejected[0].reason, /^the time of a timer is 0.5; it is a number of microseconds$/);
  const { main, rejected } = harness.advanceTo(10);
  assert.deepEqual(
    main.map(({ t, domain, k, watermark }) => [t, domain, k, watermark]),
    [
      [1, 'event-time', 'a', 10],
      [5, 'event-time', 'a', 10],
    ],
  );
  assert.match(rejected[0].reason, /^TypeError: eight \(tests\/keyed.test.js:\d+, in onTimer\)$/);
  assert.deepEqual(
    harness.advanceProcessingTimeTo(5).main.map(({ t }) => t),
    [1, 2, 5],
  );
  assert.deepEqual(
    harness.timers.map(({ time }) => time),
    [6, 8],
  );
});

test('a key column that is not there, a map without a name, an operator without a timer function', () => {
  assert.throws(
    () =>
      connect(
        keyed({ key: { z: 'utf8' }, reads: {}, emits: {} }, () => {}),
        { schema: SCHEMA, keyBy: ['k'] },
      ),
    /there is no column "z" \(utf8\), which the operator reads/,
  );
  assert.throws(
    () => connect(keyed({ key: { n: 'int64' }, reads: {}, emits: {} }, { process() {}, onTimer() {} }), { schema: SCHEMA, keyBy: ['k'] }),
    /among the columns that the input is keyed by: there is no column "n"/,
  );
  assert.throws(() => keyed({ reads: {}, emits: {}, maps: { 'a b': { key: { x: 'int8' } } } }, () => {}), /a b is no name of a map/);
  assert.throws(() => keyed({ reads: {}, emits: {}, state: { x: 'event-time' } }, () => {}), /the state: x is no column of its own/);
});

test('states of another version', () => {
  const op = (steps) =>
    keyed(
      { reads: { n: 'int64' }, state: { count: 'int64', note: 'utf8?' }, version: 3, emits: { ...keepAll } },
      { process() {}, ...steps },
    );
  const harness = (steps) => connect(op(steps), { schema: SCHEMA, keyBy: ['k'] });
  const old = [
    { key: { k: 'a' }, state: { count: 5 } },
    { key: { k: 'b' }, state: null },
  ];
  const byName = harness();
  byName.migrate(
    2,
    { other: 'int64?', note: 'utf8?', count: 'int64' },
    old.map(({ key, state }) => ({ key, state: state && { other: 7, note: null, ...state } })),
  );
  assert.deepEqual(byName.states, [{ key: { k: 'a' }, state: { count: 5, note: null } }]);
  assert.throws(
    () => harness().migrate(2, { count: 'int64' }, old),
    /there is no migration from version 2 of the state, and its columns do not fit: there is no column "note" \(utf8\)/,
  );
  assert.throws(
    () => harness().migrate(1, { total: 'int64' }, [{ key: { k: 'a' }, state: { total: 5 } }]),
    /there is no column "count" \(int64\), which the operator reads; the state has total: int64/,
  );
  assert.throws(() => harness({ migrate: () => [] }).migrate(2, { count: 'int64' }, old), /migrating 2 states gave 0/);
  assert.throws(
    () => harness({ migrate: (_, states) => states.read().map(() => ({ count: 'x' })) }).migrate(2, { count: 'int64' }, old),
    /the state: count is "x"/,
  );
  const reads = (row, state, written) =>
    harness({ migrate: (_, states) => states.read(row).map((old) => old && { count: 1, note: null }) }).migrate(2, written, [
      { key: { k: 'a' }, state },
      { key: { k: 'b' }, state: null },
    ]);
  reads({ count: 'uint32?' }, { count: null }, { count: 'uint32?' });
  for (const [row, state] of [
    [{ count: 'uint32' }, { count: null }],
    [{ list: ['int64'] }, { list: [null] }],
    [{ deep: { x: 'utf8' } }, { deep: { x: null } }],
  ])
    assert.throws(() => reads(row, state, { count: 'uint32?', list: 'list<int64?>?', deep: 'struct<x: utf8?>?' }), /is null/);
});

test('an aggregate: refused rows leave no trace, and accumulators are checked', () => {
  const op = aggregate(
    { reads: { n: 'int64?' }, accumulator: { list: ['int64'], total: 'int64' }, emits: { list: 'utf8', total: 'int64' } },
    {
      accumulate(group, { n }) {
        group.list.push(n ?? 0);
        group.total += n ?? 0;
        if (n === 13) throw new Error('thirteen');
        if (n === 14) group.total = 0.5;
      },
      merge: (group, other) => ({ list: [...group.list, ...other.list], total: group.total + other.total }),
      finish: ({ list, total }) => ({ list: list.join(), total }),
    },
  );
  const { result, rejected } = connect(op).aggregate([{ n: 1 }, { n: 13 }, { n: 2 }], [{ n: 14 }, { n: null }]);
  assert.deepEqual(result, { list: '1,2,0', total: 3 });
  assert.match(rejected[0].reason, /^Error: thirteen \(tests\/keyed.test.js:\d+, in accumulate\)$/);
  assert.equal(rejected[1].reason, 'the accumulator: total is 0.5, but it is an int64');
  assert.throws(() => aggregate({ reads: {}, accumulator: {}, emits: {} }, { accumulate() {} }), /an aggregate has a function merge/);
});
