// The samples of the conformance suite, natively.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { connect } from 'weir-sdk/testing';

// Projects of their own, which find the SDK as those of an author do.
const SDK = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'weir-samples-'));
after(() => rmSync(folder, { recursive: true, force: true }));
cpSync(join(SDK, 'samples'), folder, { recursive: true });
spawnSync(process.execPath, [join(SDK, 'build.mjs'), '--link', '--project', folder]);
const sample = async (name) => (await import(pathToFileURL(join(folder, name, 'operator.js')))).default;
const [average, counter, types] = await Promise.all(['average', 'counter', 'types'].map(sample));

const FULL = {
  flag: true,
  i8: -128,
  i16: 32767,
  i32: -(2 ** 31),
  i64: 2n ** 63n - 1n,
  u8: 255,
  u16: 0,
  u32: 2 ** 32 - 1,
  u64: 2n ** 64n - 1n,
  f32: Math.fround(0.1),
  f64: -0.1,
  text: '日本 €',
  bytes: Uint8Array.of(0, 255, 7),
  day: -1,
  sec: -(2n ** 63n),
  milli: 1n,
  micro: 2n ** 62n,
  nano: -1n,
  amount: 10n ** 12n - 1n,
  numbers: [1n, null, -(2n ** 63n)],
  point: { x: 0.5, y: -0 },
};
const COMPUTED = {
  not_flag: false,
  sum: 2 ** 31 - 1 + 32767 - 128 + 255,
  big: 2n ** 64n - 1n,
  low: 2n ** 63n - 1n,
  half: -0.05,
  single: Math.fround(0.1),
  size: 3,
  raw: Uint8Array.of(0, 255, 7),
  next_day: 0,
  sec2: -(2n ** 63n),
  milli2: 1n,
  micro2: 2n ** 62n,
  nano2: -1n,
  cents: 10n ** 12n - 1n,
  reversed: [-(2n ** 63n), null, 1n],
  swapped: { x: -0, y: 0.5 },
};
const nulls = (row) => Object.fromEntries(Object.keys(row).map((name) => [name, null]));

test('types: map, filter, flat-map, a side output and a refused row', () => {
  const given = [
    { copies: 1n, ...FULL },
    { copies: 0n, ...FULL },
    { copies: -1n, ...FULL },
    { copies: 2n, ...nulls(FULL) },
    { copies: 1n, ...FULL, text: 'x' },
  ];
  const { main, outputs, rejected } = connect(types, { config: { drop: 'x' } }).process(given);
  assert.deepEqual(main, [
    { copies: 1n, ...FULL, text: '日本 €#0', ...COMPUTED },
    { copies: 2n, ...nulls(FULL), ...nulls(COMPUTED) },
    { copies: 2n, ...nulls(FULL), ...nulls(COMPUTED) },
  ]);
  assert.deepEqual(outputs.none, [{ reason: 'no copies' }]);
  assert.deepEqual(rejected, [{ row: 2, reason: 'copies is -1' }]);
});

test('types: any cut of the rows gives the same', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ copies: BigInt(i % 4), ...(i % 3 ? FULL : nulls(FULL)), text: i % 5 ? `é${i}` : null }));
  const whole = connect(types).process(rows);
  for (const size of [1, 7]) {
    const harness = connect(types);
    const parts = [];
    for (let i = 0; i < rows.length; i += size) parts.push(...harness.process(rows.slice(i, i + size)).main);
    assert.deepEqual(parts, whole.main);
  }
});

test('types: more rows than a batch has at first', () => {
  const { main } = connect(types).process(Array.from({ length: 35_000 }, (_, i) => ({ copies: 2n, ...nulls(FULL), text: String(i) })));
  assert.equal(main.length, 70_000);
  assert.equal(main[69_999].text, '34999#1');
});

const counting = () =>
  connect(counter, {
    config: { gapSeconds: 10 },
    schema: { key: 'utf8', word: 'utf8?', value: 'bigint64', at: 'big-event-time' },
    keyBy: ['key'],
  });
const row = (key, word, value, seconds) => ({ key, word, value: BigInt(value), at: BigInt(seconds * 1e6) });

test('counter: state, map and timer, and nothing of a refused row', () => {
  const harness = counting();
  const { main, rejected } = harness.process([
    row('a', 'x', 5, 0),
    row('b', 'x', 5, 1),
    row('a', 'y', -1, 2),
    row('a', 'x', 5, 3),
    row('a', null, 7, 4),
    row('a', 'é', 1, 5),
  ]);
  assert.deepEqual(
    main.map(({ key, count, total, times }) => [key, count, total, times]),
    [
      ['a', 1n, 5n, 1],
      ['b', 1n, 5n, 1],
      ['a', 2n, 10n, 2],
      ['a', 3n, 17n, null],
      ['a', 4n, 18n, 1],
    ],
  );
  assert.deepEqual(rejected, [{ row: 2, reason: 'value is -1' }]);
  assert.deepEqual(
    harness.timers.map(({ time }) => time),
    [11e6, 15e6],
  );
  assert.deepEqual(
    harness.entries('words').map(({ of, key, value }) => [of.key, key.word, value.times]),
    [
      ['a', 'x', 2],
      ['b', 'x', 1],
      ['a', 'é', 1],
    ],
  );
  const { outputs } = harness.advanceTo(20e6);
  assert.deepEqual(outputs.summary, [
    { key: 'b', count: 1n, words: 1, first: 'x' },
    { key: 'a', count: 4n, words: 2, first: 'x' },
  ]);
  assert.deepEqual([harness.states, harness.timers, harness.entries('words')], [[], [], []]);
});

test('counter: a row that comes after its timer, a total beyond int64, and a gap that is none', () => {
  const harness = counting();
  const { main, outputs } = harness.process([row('a', 'x', 1, 0), row('a', 'y', 2, 10)]);
  assert.deepEqual(
    main.map(({ count, total, times }) => [count, total, times]),
    [
      [1n, 1n, 1],
      [1n, 2n, 1],
    ],
  );
  assert.deepEqual(outputs.summary, [{ key: 'a', count: 1n, words: 1, first: 'x' }]);
  assert.deepEqual(
    harness.timers.map(({ time }) => time),
    [20e6],
  );
  const { rejected } = harness.process([row('b', null, 2n ** 63n - 1n, 0), row('b', null, 1, 0), row('b', null, 0, 0)]);
  assert.deepEqual(rejected, [{ row: 1, reason: 'total is out of range' }]);
  assert.throws(() => connect(counter, { config: { gapSeconds: 0 }, keyBy: ['word'] }), { message: 'config: `gap-seconds` is at least 1' });
});

test('counter: states of version 1', () => {
  const harness = counting();
  const old = [
    { key: { key: 'old' }, state: { count: 41 } },
    { key: { key: 'none' }, state: null },
  ];
  harness.migrate(1, { count: 'uint32' }, old);
  assert.deepEqual(
    harness.process([row('old', null, 1, 0), row('none', null, 1, 0)]).main.map(({ count, total }) => [count, total]),
    [
      [42n, 1n],
      [1n, 1n],
    ],
  );
  assert.throws(() => harness.migrate(3, { count: 'uint32' }, old), /there is no migration from version 3 of the state, and its columns do not fit: /);
});

test('average: any cut gives the same', () => {
  const options = { config: { value: 'v', weight: 'w' }, schema: { v: 'float64?', w: 'int32?' } };
  const rows = [
    [1, 1],
    [4, 2],
    [null, 3],
    [5, null],
    [7, 0],
  ].map(([v, w]) => ({ v, w }));
  for (let cut = 0; cut <= rows.length; cut++) {
    assert.deepEqual(connect(average, options).aggregate(rows.slice(0, cut), rows.slice(cut)).result, { average: 3 });
  }
  const { result, rejected } = connect(average, options).aggregate([
    { v: 2, w: 3 },
    { v: 9, w: -1 },
  ]);
  assert.deepEqual([result, rejected], [{ average: 2 }, [{ row: 1, reason: 'the weight is negative' }]]);
  assert.deepEqual(connect(average, options).aggregate([]).result, { average: null });
});
