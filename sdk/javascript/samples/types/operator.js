// A transform over all data types with a side output. The same sample in every language has the same meaning:
//
// It reads `id` (int64, never null) and one nullable column of every type: `bool`, `int8` to `uint64`, `float32`, `float64`, `utf8`, `binary`,
// `date32`, `seconds`, `millis`, `micros`, `nanos` (timestamps), `decimal` (decimal128(38, 4)), `list` (list<int32?>), `struct` (struct<a: int64?,
// b: utf8?>), and the event time. By `id`:
//   below 0                the row is refused: `the id is -5`
//   0, 4, 8, ...           filter: nothing in the main output; the side output `dropped` gets `id` (kept) and `why` = `a multiple of 4`
//   1, 5, 9, ...           map: one row, every value as it came
//   2, 6, 10, ...          flat-map: as it came, and once more with every value null, one second later
//   3, 7, 11, ...          map: one row of other values: booleans negated; whole numbers x of n bits as -1 - x, of unsigned ones as 2^n - 1 - x;
//                          floats negated; `é` added to text; bytes reversed; days and timestamps as -1 - x; decimals negated; the items of the list
//                          in reverse order; of the struct `a` as int64 and `b` as utf8. A null stays null.
// Main output: `id` (kept), `copy` (int32: 0, for the second of two rows 1), and the columns under their names, computed; the event time.
// Configuration: `only` (utf8 or null, default null): if given, rows with another value in `utf8` are dropped without a word.

import { keep, optional, RowError, transform } from 'weir-sdk';

const COLUMNS = {
  bool: 'bool?', int8: 'int8?', int16: 'int16?', int32: 'int32?', int64: 'bigint64?', uint8: 'uint8?', uint16: 'uint16?', uint32: 'uint32?', uint64: 'biguint64?',
  float32: 'float32?', float64: 'float64?', utf8: 'utf8?', binary: 'binary?', date32: 'date32?',
  seconds: 'bigtimestamp(s)?', millis: 'bigtimestamp(ms)?', micros: 'bigtimestamp(us)?', nanos: 'bigtimestamp(ns)?',
  decimal: 'decimal128(38, 4)?', list: optional(['int32?']), struct: optional({ a: 'bigint64?', b: 'utf8?' }),
};
const NULLS = Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, null]));

const complement = (x) => -1 - x;
const complementBig = (x) => -1n - x;
const negated = (x) => -x;
const withAccent = (x) => `${x}é`;
const OTHER = {
  bool: (x) => !x, int8: complement, int16: complement, int32: complement, int64: complementBig,
  uint8: (x) => 255 - x, uint16: (x) => 65535 - x, uint32: (x) => 4294967295 - x, uint64: (x) => 18446744073709551615n - x,
  float32: negated, float64: negated, utf8: withAccent, binary: (x) => x.toReversed(), date32: complement,
  seconds: complementBig, millis: complementBig, micros: complementBig, nanos: complementBig, decimal: negated,
  list: (x) => x.toReversed(),
  struct: ({ a, b }) => ({ a: a === null ? null : complementBig(a), b: b === null ? null : withAccent(b) }),
};

const values = (row, of) => Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, row[name] === null ? null : of(name, row[name])]));

export default transform({
  title: 'All types',
  config: { only: { type: 'utf8?', default: null, doc: 'rows with another text are dropped' } },
  reads: { id: 'bigint64', ...COLUMNS, at: 'big-event-time' },
  emits: { id: keep, copy: 'int32', ...COLUMNS, at: 'big-event-time' },
  sides: { dropped: { id: keep, why: 'utf8' } },
}, function* (row, { config, emit }) {
  const { id, at } = row;
  if (config.only !== null && row.utf8 !== config.only) return;
  if (id < 0n) throw new RowError(`the id is ${id}`);
  switch (id % 4n) {
    case 0n:
      emit.dropped({ why: 'a multiple of 4' });
      return;
    case 1n:
      yield { copy: 0, ...values(row, (_, value) => value), at };
      return;
    case 2n:
      yield { copy: 0, ...values(row, (_, value) => value), at };
      yield { copy: 1, ...NULLS, at: at + 1_000_000n };
      return;
    default:
      yield { copy: 0, ...values(row, (name, value) => OTHER[name](value)), at };
  }
});
