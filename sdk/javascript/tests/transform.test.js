// Transforms: what rows see, what they emit, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregate, column, keep, keepAll, keepAllBut, keyed, log, mapOf, metrics, oneOf, optional, RowError, transform } from 'weir-sdk';
import { connect, logLines, metrics as metricsSoFar } from 'weir-sdk/testing';

const echo =
  (type, given = type) =>
  (value) => {
    const { main, rejected } = connect(
      transform({ reads: { x: given }, emits: { y: type } }, (row) => ({ y: row.x })),
      {},
    ).process([{ x: value }]);
    return rejected.length > 0 ? rejected[0].reason : main[0].y;
  };
/** What emitting a value gives. */
const emitted = (type) => (value) => {
  const { main, rejected } = connect(
    transform({ reads: {}, emits: { y: type } }, () => ({ y: value })),
    {},
  ).process([{}]);
  return rejected.length > 0 ? rejected[0].reason : main[0].y;
};

test('values are what they were', () => {
  for (const [type, values] of Object.entries({
    bool: [true, false],
    int8: [-128, 127],
    uint8: [0, 255],
    int16: [-32768],
    uint16: [65535],
    int32: [-(2 ** 31), 2 ** 31 - 1],
    uint32: [2 ** 32 - 1],
    int64: [0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, -(2 ** 32), 2 ** 40 + 1],
    uint64: [2 ** 53 - 1, 2 ** 31, 2 ** 32],
    bigint64: [2n ** 63n - 1n, -(2n ** 63n)],
    biguint64: [2n ** 64n - 1n],
    float32: [Math.fround(0.1), Infinity, NaN, -0],
    float64: [0.1, -Infinity, NaN, -0],
    utf8: ['', 'a', 'é', '日本', '👍', '\0\x01'],
    binary: [Uint8Array.of(), Uint8Array.of(0, 255)],
    date32: [-719162],
    timestamp: [-1, 2 ** 52],
    'timestamp(s)': [1],
    'timestamp(ms)': [1],
    'timestamp(ns)': [2n ** 62n],
    'bigtimestamp(us)': [-(2n ** 63n)],
    'decimal128(38, 0)': [10n ** 38n - 1n, -(10n ** 38n) + 1n],
    'list<int8?>': [[], [1, null]],
    'struct<a: utf8?, b: list<uint64>>': [{ a: null, b: [5] }],
  }))
    for (const value of values) assert.deepEqual(echo(type)(value), value, type);
  assert.equal(echo('number')(2.5), 2.5);
  assert.equal(echo('utf8?')(null), null);
  assert.deepEqual(echo(optional(['utf8']))(null), null);
});

test('a value that is none of its type refuses its row', () => {
  for (const [type, value, reason] of [
    ['int8', 128, 'y is 128, which is out of the range of int8 (-128 to 127)'],
    ['uint8', -1, 'y is -1, which is out of the range of uint8 (0 to 255)'],
    ['int32', 0.5, 'y is 0.5, but it is an int32'],
    ['uint32', 2 ** 32, 'y is 4294967296, which is out of the range of uint32 (0 to 4294967295)'],
    ['int64', 2 ** 53, 'y is 9007199254740992, which a number does not hold exactly: use a bigint'],
    ['int64', 2n ** 63n, 'y is 9223372036854775808n, which is out of the range of int64'],
    ['int64', null, 'y is null, but it is an int64'],
    ['int64', undefined, 'y is missing, but it is an int64'],
    ['int64', '5', 'y is "5", but it is an int64'],
    ['int64', true, 'y is true, but it is an int64'],
    ['int64', NaN, 'y is NaN, but it is an int64'],
    ['uint64', -1, 'y is -1, which is out of the range of uint64'],
    ['biguint64', -1n, 'y is -1n, which is out of the range of uint64'],
    ['float64', '1', 'y is "1", but it is a float64'],
    ['float32', 1e39, 'y is 1e+39, which is out of the range of float32'],
    ['bool', 1, 'y is 1, but it is a bool'],
    ['utf8', 5, 'y is 5, but it is a utf8'],
    ['binary', 'x', 'y is "x", but it is a Uint8Array'],
    ['decimal128(3, 1)', 1000n, 'y is 1000n, which has more than 3 digits'],
    ['decimal128(3, 1)', 1, 'y is 1, but it is a bigint, the number without its point'],
    ['list<int8>', [1, 128], 'y is a list whose item 1 is 128, which is out of the range of int8 (-128 to 127)'],
    ['struct<a: utf8>', { a: null }, 'y is an object whose a is null, but it is a utf8'],
    ['timestamp', 0.5, 'y is 0.5, but it is a timestamp(us, UTC)'],
  ])
    assert.equal(emitted(type)(value), reason);
  assert.equal(emitted('int64')(2n ** 60n - 2n ** 60n + 7n), 7);
  assert.throws(() => emitted('utf8')('\ud800'), /no Unicode text/);
});

test('a number that int64 holds and a number does not refuses its row', () => {
  const readAs = (type, column) => (value) => {
    const { main, rejected } = connect(
      transform({ reads: { x: type }, emits: { y: type } }, (row) => ({ y: row.x })),
      { schema: { x: column } },
    ).process([{ x: value }]);
    return rejected[0]?.reason ?? main[0].y;
  };
  assert.equal(
    readAs('int64', 'bigint64')(2n ** 53n),
    'column "x" is 9007199254740992, which a number does not hold exactly: read it as a bigint',
  );
  assert.equal(readAs('int64', 'bigint64')(-(2n ** 53n) + 1n), -(2 ** 53) + 1);
  assert.match(readAs('uint64', 'biguint64')(2n ** 64n - 1n), /^column "x" is 18446744073709551615, which a number does not hold exactly/);
  assert.match(readAs('timestamp', 'bigtimestamp(us)')(2n ** 60n), /does not hold exactly/);
  assert.match(readAs('timestamp', 'bigtimestamp(s)')(2n ** 40n), /does not hold exactly: read it as 'bigtimestamp\(us\)'/);
  assert.equal(readAs('timestamp', 'timestamp(s)')(-7), -7_000_000);
  assert.equal(readAs('bigtimestamp(ns)', 'timestamp(ms)')(7), 7_000_000n);
  assert.match(readAs('bigtimestamp(ns)', 'bigtimestamp(s)')(2n ** 60n), /out of range in ns/);
  for (const [column, value] of [
    ['int8', -5],
    ['uint64', 2 ** 40],
    ['float32', 0.5],
    ['int64', -1],
  ])
    assert.equal(readAs('number', column)(value), value);
});

test('a null where there is no place for one refuses its row', () => {
  const op = transform({ reads: { a: 'int64', b: ['utf8'] }, emits: { ...keepAll } }, () => true);
  const { main, rejected } = connect(op, { schema: { a: 'int64?', b: optional(['utf8?']) } }).process([
    { a: 1, b: [] },
    { a: null, b: [] },
    { a: 1, b: null },
    { a: 1, b: ['x', null] },
  ]);
  assert.equal(main.length, 1);
  assert.deepEqual(
    rejected.map(({ row }) => row),
    [1, 2, 3],
  );
  assert.equal(rejected[0].reason, 'column "a" is null, and the operator has no place for that (\'int64?\')');
});

test('what is returned and emitted', () => {
  const op = transform({ reads: { n: 'int32' }, emits: { m: 'int32' }, sides: { other: { n: keep, why: 'utf8?' } } }, (row, { emit }) => {
    switch (row.n) {
      case 0:
        return undefined;
      case 1:
        return { m: 1 };
      case 2:
        return [{ m: 20 }, { m: 21 }];
      case 3:
        emit({ m: 30 });
        emit.other({ why: 'x' });
        emit.other();
        return { m: 31 };
      case 4:
        emit({ m: 40 });
        throw new RowError('four');
      case 5:
        return 5;
      case 6:
        return { m: 6, n: 6 };
      case 8:
        return Promise.resolve({ m: 8 });
      case 9:
        throw { code: 9 };
      default:
        return (function* () {
          yield { m: 70 };
          throw new RangeError('seven');
        })();
    }
  });
  const { main, outputs, rejected } = connect(op).process([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ n })));
  assert.deepEqual(
    main,
    [1, 20, 21, 30, 31, 6].map((m) => ({ m })),
  );
  assert.deepEqual(outputs.other, [
    { n: 3, why: 'x' },
    { n: 3, why: null },
  ]);
  assert.deepEqual(rejected.slice(0, 2), [
    { row: 4, reason: 'four' },
    { row: 5, reason: 'the operator returned 5; it returns a row, rows, a boolean or nothing' },
  ]);
  assert.deepEqual(
    rejected.slice(3).map(({ reason }) => reason),
    ['the operator returned a promise; it is not asynchronous', 'an object with code (thrown in the transform)'],
  );
  assert.match(rejected[2].reason, /^RangeError: seven \(tests\/transform\.test\.js:\d+, in /);
});

test('a column that is left out is null, and a misspelt one is noticed', () => {
  const op = transform({ reads: { n: 'int32' }, emits: { m: 'int32?' } }, ({ n }) => [{}, { m: undefined }, { n: 5 }, { m: null }][n]);
  const { main, rejected } = connect(op).process([0, 1, 2, 3].map((n) => ({ n })));
  assert.deepEqual(main, [{ m: null }, { m: null }, { m: null }]);
  assert.deepEqual(rejected, [{ row: 2, reason: '"n" is no column of the output; it has m' }]);
});

test('kept, renamed, dropped and replaced columns', () => {
  const names = (emits) =>
    connect(
      transform({ reads: { a: 'int64' }, emits }, (row) => ({ b: row.a, d: 0 })),
      { schema: { a: 'int64', b: 'int64', c: 'utf8' } },
    ).process([{ a: 1, b: 2, c: 'x' }]).main[0];
  assert.deepEqual(Object.entries(names({ ...keepAll, d: 'int8', b: 'int64' })), [
    ['a', 1],
    ['b', 1],
    ['c', 'x'],
    ['d', 0],
  ]);
  assert.deepEqual(Object.entries(names({ ...keepAllBut('c'), d: 'int8', b: 'int64' })), [
    ['a', 1],
    ['b', 1],
    ['d', 0],
  ]);
  assert.deepEqual(Object.entries(names({ d: 'int8', text: keep('c'), b: 'int64', a: keep })), [
    ['d', 0],
    ['text', 'x'],
    ['b', 1],
    ['a', 1],
  ]);
  assert.throws(() => names({ x: keep }), /there is no column "x", which output "main" keeps; the input has a: int64, b: int64, c: utf8/);
});

test('columns that are not there or have another type', () => {
  const read = (type, schema) =>
    connect(
      transform({ reads: { a: type }, emits: { ...keepAll } }, () => true),
      { schema },
    );
  assert.throws(() => read('int64', { b: 'utf8' }), {
    message: 'there is no column "a" (int64), which the operator reads; input "main" has b: utf8',
  });
  assert.throws(() => read('int64', { a: 'int32' }), {
    message: 'column "a" is int32, but the operator reads it as int64; input "main" has a: int32',
  });
  assert.throws(() => read('timestamp(ms)', { a: 'timestamp' }), /reads it as a timestamp of milliseconds or coarser/);
  assert.throws(() => transform({ reads: { a: 'int65' }, emits: {} }, () => {}), /reads: a: "int65" is no type; there are bool, int8/);
  assert.throws(() => transform({ reads: { a: 5 }, emits: {} }, () => {}), /reads: a: 5 is no type/);
});

test('the configuration', () => {
  const op = transform(
    {
      title: 'T',
      config: {
        priceMin: 'int64',
        mode: oneOf('a', 'b'),
        list: { type: ['utf8'], default: [], doc: 'some' },
        deep: optional({ x: 'float64' }),
      },
      reads: { v: column((config) => config.mode, 'int64') },
      emits: { c: 'utf8' },
    },
    (row, { config }) => ({ c: JSON.stringify([config, row.v]) }),
  );
  const run = (config) => connect(op, { config, schema: { a: 'int64', b: 'int64' } }).process([{ a: 1, b: 2 }]).main[0].c;
  assert.equal(run({ 'price-min': 1, mode: 'b' }), '[{"priceMin":1,"mode":"b","list":[],"deep":null},2]');
  assert.equal(run('{"price-min": 1, "mode": "a", "deep": {"x": 1}}'), '[{"priceMin":1,"mode":"a","list":[],"deep":{"x":1}},1]');
  assert.throws(() => run({ 'price-mni': 1, mode: 'a' }), {
    message: 'config: unknown field `price-mni`, expected one of `price-min`, `mode`, `list`, `deep`',
  });
  assert.throws(() => run({ mode: 'a' }), { message: 'config: price-min is missing, but it is an int64' });
  assert.throws(() => run({ priceMin: 'x', mode: 'a' }), { message: 'config: price-min is "x", but it is an int64' });
  assert.throws(() => run({ priceMin: 1, mode: 'c' }), { message: 'config: mode is "c", but it is one of a, b' });
  assert.throws(() => run({ priceMin: 1, mode: 'a', deep: { x: 1, y: 2 } }), { message: 'config: deep is an object with y, but it has x' });
  assert.throws(() => run('[1]'), /config: it is Array of 1/);
  assert.throws(() => run('{'), /^Error: config: /);
  const { title, configSchema } = op.about();
  assert.equal(title, 'T');
  assert.deepEqual(JSON.parse(configSchema), {
    type: 'object',
    properties: {
      'price-min': { type: 'integer' },
      mode: { enum: ['a', 'b'] },
      list: { type: 'array', items: { type: 'string' }, description: 'some', default: [] },
      deep: { type: ['object', 'null'], properties: { x: { type: 'number' } }, required: ['x'], additionalProperties: false },
    },
    required: ['price-min', 'mode'],
    additionalProperties: false,
  });
});

test('a declaration with a key that means nothing, and a default that does not fit', () => {
  const emits = { ...keepAll };
  for (const [wrong, message] of [
    [() => transform({ read: {}, emits }, () => true), 'transform({ ... }) has no "read"; did you mean "reads"?'],
    [() => transform({ state: {}, emits }, () => true), /^transform\({ ... }\) has no "state"; there are title, config/],
    [() => keyed({ emits, maps: { m: { key: { x: 'utf8' }, vale: {} } } }, () => {}), 'the map m has no "vale"; did you mean "value"?'],
    [() => keyed({ emits }, { process() {}, onTimr() {} }), 'the second argument of keyed has no "onTimr"; did you mean "onTimer"?'],
    [() => aggregate({ emits: {} }, { acumulate() {} }), 'the second argument of aggregate has no "acumulate"; did you mean "accumulate"?'],
    [() => transform({ config: { a: { type: 'int8', defalt: 1 } }, emits }, () => true), 'the configuration: a has no "defalt"; did you mean "default"?'],
    [
      () => transform({ config: { level: { type: 'int8', default: 200 } }, emits }, () => true),
      'the configuration: level: its default is 200, which is out of the range of int8 (-128 to 127)',
    ],
    [() => transform({ config: { m: { type: oneOf('a'), default: 'b' } }, emits }, () => true), 'the configuration: m: its default is none of its choices'],
    [() => transform({ config: { m: { type: mapOf('int8'), default: { a: 200 } } }, emits }, () => true), /^config: m.a is 200, which/],
  ])
    assert.throws(wrong, { message });
});

test('maps in the configuration', () => {
  const op = transform(
    { config: { prices: mapOf('uint32'), more: { type: mapOf('utf8?'), default: { a: 'b' } } }, reads: { item: 'utf8' }, emits: { c: 'utf8' } },
    (row, { config }) => ({ c: JSON.stringify([config.prices.get(row.item) ?? null, [...config.more]]) }),
  );
  const run = (config, item) => connect(op, { config }).process([{ item }]).main[0].c;
  assert.equal(run('{"prices": {"iced-tea": 5, "__proto__": 6}}', 'iced-tea'), '[5,[["a","b"]]]');
  assert.equal(run('{"prices": {"iced-tea": 5, "__proto__": 6}, "more": {}}', '__proto__'), '[6,[]]');
  assert.equal(run({ prices: {}, more: { x: null } }, 'constructor'), '[null,[["x",null]]]');
  assert.throws(() => run({}, ''), { message: 'config: prices is missing, but it is keys with values' });
  assert.throws(() => run({ prices: [1] }, ''), { message: 'config: prices is Array of 1, but it is keys with values' });
  assert.throws(() => run({ prices: { tea: -1 } }, ''), { message: 'config: prices.tea is -1, which is out of the range of uint32 (0 to 4294967295)' });
  assert.throws(() => run({ prices: { tea: null } }, ''), { message: 'config: prices.tea is null, but it is a uint32' });
  assert.deepEqual(JSON.parse(op.about().configSchema), {
    type: 'object',
    properties: {
      prices: { type: 'object', additionalProperties: { type: 'integer', minimum: 0, maximum: 4294967295 } },
      more: { type: 'object', additionalProperties: { type: ['string', 'null'] }, default: { a: 'b' } },
    },
    required: ['prices'],
    additionalProperties: false,
  });
});

test('several inputs by name', () => {
  const op = transform(
    {
      inputs: { orders: { id: 'int64' }, payments: { order: 'int64', at: 'event-time' } },
      emits: { id: keep('orders.id'), order: keep, from: 'utf8' },
    },
    {
      orders: (row, ctx) => ({ from: `${ctx.input} ${row.id}` }),
      payments: (row, ctx) => ({ from: `${ctx.input} ${row.order}` }),
    },
  );
  const harness = connect(op, { inputs: { payments: { order: 'int64', at: 'event-time' }, orders: { id: 'int64', more: 'utf8' } } });
  assert.deepEqual(harness.process([{ order: 5, at: 0 }]).main, [{ id: null, order: 5, from: 'payments 5' }]);
  assert.deepEqual(harness.process([{ id: 7, more: '' }], 'orders').main, [{ id: 7, order: null, from: 'orders 7' }]);
  assert.throws(() => connect(op, { inputs: { orders: { id: 'int64' } } }), {
    message: 'the operator\'s input "payments" is not connected; it has orders, payments',
  });
  assert.throws(() => connect(op, { inputs: { x: { id: 'int64' } } }), {
    message: 'the operator has no input "x"; it has orders, payments',
  });
});

test('event times and kinds of rows are read and set', () => {
  const op = transform(
    { reads: { at: 'event-time', kind: 'row-kind' }, emits: { ...keepAll, at: 'event-time', kind: 'row-kind' } },
    (row) => ({ at: row.at + 1, kind: row.kind === 'delete' ? 'insert' : row.kind }),
  );
  const harness = connect(op, { schema: { x: 'int8', at: 'event-time', kind: 'row-kind' } });
  assert.equal(harness.plan.readsEventTimes, true);
  assert.deepEqual(
    harness.process([
      { x: 1, at: 5, kind: 'update-after' },
      { x: 2, at: 6, kind: 'delete' },
    ]).main,
    [
      { x: 1, at: 6, kind: 'update-after' },
      { x: 2, at: 7, kind: 'insert' },
    ],
  );
});

test('log lines and metrics', () => {
  connect(
    transform({ reads: {}, emits: { ...keepAll } }, () => {
      log.info('a', 1, { b: 2n });
      metrics.count('rows');
      metrics.gauge('g', 0.5);
    }),
    { schema: { x: 'int8' } },
  ).process([{ x: 1 }]);
  assert.deepEqual(logLines(), [['info', 'a 1 {"b":"2n"}']]);
  assert.deepEqual(metricsSoFar(), [
    ['count', 'rows', 1],
    ['gauge', 'g', 0.5],
  ]);
});

test('empty batches', () => {
  const op = transform({ reads: { a: 'utf8', l: ['int8'] }, emits: { a: 'utf8', l: ['int8'] } }, (row) => row);
  assert.deepEqual(connect(op).process([]).main, []);
});
