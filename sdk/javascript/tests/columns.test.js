// Transforms by columns: views of a batch, and what is refused of the columns that are emitted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keep, keepAll, RowError, transform } from 'weir-sdk';
import { connect } from 'weir-sdk/testing';

test('columns', () => {
  const op = transform.columns(
    { reads: { a: 'float64', b: 'int64?' }, emits: { ...keepAll, twice: 'float64', b2: 'bigint64?' }, sides: { some: { a: keep } } },
    (columns, ctx) => {
      ctx.emit({ twice: columns.a.values.map((value) => 2 * value), b2: Array.from({ length: ctx.rows }, (_, i) => columns.b.get(i)) });
      ctx.emitTo('some', {}, [2, 0]);
      if (!ctx.refused(1)) ctx.refuse(1, new RowError('one'));
    },
  );
  const rows = [
    { a: 1, b: 5 },
    { a: 2, b: null },
    { a: 3, b: -1 },
  ];
  const { main, outputs, rejected } = connect(op).process(rows);
  assert.deepEqual(main, [
    { a: 1, b: 5, twice: 2, b2: 5n },
    { a: 3, b: -1, twice: 6, b2: -1n },
  ]);
  assert.deepEqual(outputs.some, [{ a: 3 }, { a: 1 }]);
  assert.deepEqual(rejected, [{ row: 1, reason: 'one' }]);
  const whole = transform.columns({ reads: { a: 'int64' }, emits: { ...keepAll, b: 'int64' } }, ({ a }, ctx) =>
    ctx.emit({ b: a.values.map((value) => value + 1n) }),
  );
  assert.deepEqual(connect(whole).process([{ a: 1 }, { a: 2 }]).main, [
    { a: 1, b: 2 },
    { a: 2, b: 3 },
  ]);
  assert.throws(
    () =>
      connect(transform.columns({ reads: { a: 'int64' }, emits: { b: 'int64' } }, (_, ctx) => ctx.emit({ b: [1] }))).process([
        { a: 1 },
        { a: 2 },
      ]),
    /column "b" of output "main" has 1 values, but 2 rows are emitted/,
  );
});

test('nothing of a call is in the columns of the next one', () => {
  for (const type of ['int64', 'int64?', 'uint64', 'timestamp', 'event-time']) {
    const name = type === 'event-time' ? 'at' : 'b';
    const op = transform.columns({ reads: { a: 'int64' }, emits: { ...keepAll, [name]: type } }, ({ a }, ctx) => {
      ctx.emit({ [name]: Array.from({ length: ctx.rows }, (_, i) => a.get(i)) });
      if (a.get(0) === 1) ctx.refuse(0, new RowError('one'));
    });
    const harness = connect(op, { schema: { a: 'int64', ...(name === 'at' && { at: 'event-time' }) } });
    const values = (...given) => harness.process(given.map((a) => ({ a, at: 0 }))).main.map((row) => row[name]);
    assert.deepEqual(values(1, 2 ** 40, 2 ** 41), [2 ** 40, 2 ** 41], type);
    assert.deepEqual(values(7, 8, 9), [7, 8, 9], type);
  }
});

test('columns that are emitted as plain arrays may be of any length', () => {
  const op = transform.columns(
    { reads: { a: 'int64' }, emits: { odd: 'bool' }, sides: { b: { b: 'int64', c: 'utf8?' } } },
    ({ a }, ctx) => {
      const values = Array.from({ length: ctx.rows }, (_, i) => a.get(i));
      ctx.emit({ odd: values.map((value) => value % 2 === 1) });
      ctx.emitTo('b', { b: values, c: values.map((value) => (value % 3 === 0 ? null : `${value}`)) });
    },
  );
  const rows = Array.from({ length: 5000 }, (_, a) => ({ a }));
  const { main, outputs } = connect(op).process(rows);
  assert.deepEqual(
    main,
    rows.map(({ a }) => ({ odd: a % 2 === 1 })),
  );
  assert.deepEqual(
    outputs.b,
    rows.map(({ a }) => ({ b: a, c: a % 3 === 0 ? null : `${a}` })),
  );
});

test('a value that is none of its column refuses its row alone', () => {
  const op = transform.columns(
    { reads: { a: 'int64', n: 'int64' }, emits: { ...keepAll, b: 'int8' }, sides: { other: { a: keep, t: 'utf8' } } },
    ({ a, n }, ctx) => {
      const last = ctx.rows - 1;
      ctx.emit({ b: Array.from({ length: ctx.rows }, (_, i) => a.get(i)) });
      ctx.emitTo('other', { t: ['x', 5] }, [0, last]);
      ctx.emitTo('other', { t: Array.from({ length: ctx.rows }, (_, i) => `${n.get(i)}`) });
    },
  );
  const { main, outputs, rejected } = connect(op, { schema: { a: 'int64', n: 'int64?' } }).process([
    { a: 1, n: 1 },
    { a: 300, n: 2 },
    { a: 3, n: null },
    { a: 4, n: 4 },
    { a: 5, n: 5 },
  ]);
  assert.deepEqual(main, [
    { a: 1, n: 1, b: 1 },
    { a: 4, n: 4, b: 4 },
  ]);
  assert.deepEqual(outputs.other, [
    { a: 1, t: 'x' },
    { a: 1, t: '1' },
    { a: 4, t: '4' },
  ]);
  assert.deepEqual(rejected, [
    { row: 1, reason: 'b is 300, which is out of the range of int8 (-128 to 127)' },
    { row: 2, reason: 'column "n" is null, and the operator has no place for that (\'int64?\')' },
    { row: 4, reason: 't is 5, but it is a utf8' },
  ]);
});

test('columns come from rows of the call, and have names of the output', () => {
  const run = (step) => {
    const op = transform.columns({ reads: { a: 'int64' }, emits: { ...keepAll, b: 'int8?' } }, (columns, ctx) => step(ctx));
    return connect(op).process([{ a: 1 }, { a: 2 }]);
  };
  for (const row of [0.7, -1, 2, NaN, '0', undefined]) {
    assert.throws(() => run((ctx) => ctx.emit({}, [0, row])), /^TypeError: there is no row .*: the call has 2 rows$/);
    assert.throws(() => run((ctx) => ctx.refuse(row, 'x')), /^TypeError: there is no row .*: the call has 2 rows$/);
  }
  assert.throws(() => run((ctx) => ctx.emit({ bb: [1, 2] })), /"bb" is no column of the output; it has b/);
  assert.deepEqual(run((ctx) => ctx.emit({}, Uint32Array.of(1))).main, [{ a: 2, b: null }]);
});

test('a row that is refused is known to be', () => {
  const seen = [];
  const op = transform.columns({ reads: { a: 'int64' }, emits: { b: 'int8' } }, (_, ctx) => {
    const look = () => seen.push([0, 1, 2].map((row) => ctx.refused(row)));
    look();
    ctx.refuse(0, 'x');
    look();
    ctx.emit({ b: [1, 2, 300] });
    look();
  });
  connect(op, { schema: { a: 'int64?' } }).process([{ a: 1 }, { a: null }, { a: 3 }]);
  assert.deepEqual(seen, [
    [false, true, false],
    [true, true, false],
    [true, true, true],
  ]);
});
