// The samples of the conformance suite, natively.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import average from '../samples/average/operator.js';
import counter from '../samples/counter/operator.js';
import types from '../samples/types/operator.js';

const FULL = {
  bool: true, int8: -128, int16: 32767, int32: -(2 ** 31), int64: 2n ** 63n - 1n, uint8: 255, uint16: 0, uint32: 2 ** 32 - 1, uint64: 2n ** 64n - 1n,
  float32: Math.fround(0.1), float64: -0.1, utf8: '日本 €', binary: Uint8Array.of(0, 255, 7), date32: -1,
  seconds: -(2n ** 63n), millis: 1n, micros: 2n ** 62n, nanos: -1n, decimal: 10n ** 38n - 1n, list: [1, null, -3], struct: { a: -(2n ** 63n), b: null },
};
const OTHER = {
  bool: false, int8: 127, int16: -32768, int32: 2 ** 31 - 1, int64: -(2n ** 63n), uint8: 0, uint16: 65535, uint32: 0, uint64: 0n,
  float32: -Math.fround(0.1), float64: 0.1, utf8: '日本 €é', binary: Uint8Array.of(7, 255, 0), date32: 0,
  seconds: 2n ** 63n - 1n, millis: -2n, micros: -(2n ** 62n) - 1n, nanos: 0n, decimal: 1n - 10n ** 38n, list: [-3, null, 1], struct: { a: 2n ** 63n - 1n, b: null },
};
const NULLS = Object.fromEntries(Object.keys(FULL).map((name) => [name, null]));

test('types: filter, map, flat-map, a side output and a refused row', () => {
  const at = 5n;
  const given = [0n, 1n, 2n, 3n, -5n, 5n].map((id) => ({ id, ...FULL, at }));
  const { main, outputs, rejected } = connect(types).process([...given, { id: 7n, ...NULLS, at }]);
  assert.deepEqual(main, [
    { id: 1n, copy: 0, ...FULL, at },
    { id: 2n, copy: 0, ...FULL, at },
    { id: 2n, copy: 1, ...NULLS, at: at + 1_000_000n },
    { id: 3n, copy: 0, ...OTHER, at },
    { id: 5n, copy: 0, ...FULL, at },
    { id: 7n, copy: 0, ...NULLS, at },
  ]);
  assert.deepEqual(outputs.dropped, [{ id: 0n, why: 'a multiple of 4' }]);
  assert.deepEqual(rejected, [{ row: 4, reason: 'the id is -5' }]);
  assert.equal(connect(types, { config: { only: 'x' } }).process(given).main.length, 0);
});

test('types: any cut of the rows gives the same', () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({ id: BigInt(i - 4), ...(i % 3 ? FULL : NULLS), utf8: i % 5 ? `é${i}` : null, at: BigInt(i) }));
  const whole = connect(types).process(rows);
  for (const size of [1, 7]) {
    const harness = connect(types);
    const parts = [];
    for (let i = 0; i < rows.length; i += size) parts.push(...harness.process(rows.slice(i, i + size)).main);
    assert.deepEqual(parts, whole.main);
  }
});

test('types: more rows than a batch has at first', () => {
  const { main } = connect(types).process(Array.from({ length: 70_000 }, (_, i) => ({ id: BigInt(4 * i + 2), ...NULLS, utf8: String(i), at: 0n })));
  assert.equal(main.length, 140_000);
  assert.equal(main[139_998].utf8, '69999');
});

const SCHEMA = { key: 'utf8', value: 'bigint64', at: 'event-time' };
const row = (key, value, seconds) => ({ key, value: BigInt(value), at: seconds * 1e6 });

test('counter: state, map and timer, and nothing of a refused row', () => {
  const harness = connect(counter, { schema: SCHEMA, keyBy: ['key'] });
  const { main, rejected } = harness.process([row('a', 5, 0), row('b', 5, 1), row('a', -1, 2), row('a', 5, 3), row('a', 7, 4)]);
  assert.deepEqual(main.map(({ key, count, sum, times }) => [key, count, sum, times]), [['a', 1, 5n, 1], ['b', 1, 5n, 1], ['a', 2, 10n, 2], ['a', 3, 17n, 1]]);
  assert.deepEqual(rejected, [{ row: 2, reason: 'the value is -1' }]);
  assert.deepEqual(harness.timers.map(({ time }) => time), [11e6, 14e6]);
  assert.deepEqual(harness.entries('seen').map(({ of, key, value }) => [of.key, key.value, value.times]), [['a', 5n, 2], ['b', 5n, 1], ['a', 7n, 1]]);
  const { outputs } = harness.advanceTo(20e6);
  assert.deepEqual(outputs.idle, [{ key: 'b', count: 1, different: 1, largest: 5n }, { key: 'a', count: 3, different: 2, largest: 7n }]);
  assert.deepEqual([harness.states, harness.timers, harness.entries('seen')], [[], [], []]);
});

test('counter: a sum beyond int64, and states of version 1', () => {
  const harness = connect(counter, { schema: SCHEMA, keyBy: ['key'] });
  const { rejected } = harness.process([row('a', 2n ** 63n - 1n, 0), row('a', 1, 0), row('a', 0, 0)]);
  assert.deepEqual(rejected, [{ row: 1, reason: 'the sum is out of range' }]);
  harness.migrate(1, { count: 'int32' }, [{ key: { key: 'old' }, state: { count: 41 } }, { key: { key: 'none' }, state: null }]);
  assert.deepEqual(harness.process([row('old', 1, 0), row('none', 1, 0)]).main.map(({ count }) => count), [42, 1]);
});

test('average: any cut gives the same', () => {
  const rows = [[1, 1], [4, 2], [null, 3], [5, null], [7, 0]].map(([value, weight]) => ({ value, weight }));
  for (let cut = 0; cut <= rows.length; cut++) {
    assert.deepEqual(connect(average).aggregate(rows.slice(0, cut), rows.slice(cut)).result, { average: 3, rows: 3 });
  }
  const { result, rejected } = connect(average).aggregate([{ value: 2, weight: 3 }, { value: 9, weight: -1 }]);
  assert.deepEqual([result, rejected], [{ average: 2, rows: 1 }, [{ row: 1, reason: 'the weight is -1' }]]);
  assert.deepEqual(connect(average).aggregate([]).result, { average: null, rows: 0 });
});
