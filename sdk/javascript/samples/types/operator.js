// All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.

import { keepAll, optional, RowError, transform } from 'weir-sdk';

const or = (value, of) => (value === null ? null : of(value));

export default transform(
  {
    title: 'All data types',
    config: { drop: 'utf8?' },
    reads: {
      copies: 'bigint64',
      flag: 'bool?',
      i8: 'int8?',
      i16: 'int16?',
      i32: 'int32?',
      i64: 'bigint64?',
      u8: 'uint8?',
      u16: 'uint16?',
      u32: 'uint32?',
      u64: 'biguint64?',
      f32: 'float32?',
      f64: 'float64?',
      text: 'utf8?',
      bytes: 'binary?',
      day: 'date32?',
      sec: 'bigtimestamp(s)?',
      milli: 'bigtimestamp(ms)?',
      micro: 'bigtimestamp?',
      nano: 'timestamp(ns)?',
      amount: 'decimal128(12, 2)?',
      numbers: optional(['bigint64?']),
      point: optional({ x: 'float64', y: 'float64?' }),
    },
    emits: {
      ...keepAll,
      text: 'utf8?',
      not_flag: 'bool?',
      sum: 'int64?',
      big: 'biguint64?',
      low: 'bigint64?',
      half: 'float64?',
      single: 'float32?',
      size: 'int64?',
      raw: 'binary?',
      next_day: 'date32?',
      sec2: 'bigtimestamp(s)?',
      milli2: 'bigtimestamp(ms)?',
      micro2: 'bigtimestamp?',
      nano2: 'timestamp(ns)?',
      cents: 'decimal128(12, 2)?',
      reversed: optional(['bigint64?']),
      swapped: optional({ x: 'float64?', y: 'float64' }),
    },
    sides: { none: { reason: 'utf8' } },
  },
  function* (row, { config, emit }) {
    if (row.copies < 0n) throw new RowError(`copies is ${row.copies}`);
    if (config.drop !== null && row.text === config.drop) return;
    if (row.copies === 0n) emit.none({ reason: 'no copies' });
    const addends = [row.i8, row.i16, row.i32, row.u8, row.u16, row.u32].filter((addend) => addend !== null);
    for (let copy = 0n; copy < row.copies; copy++) {
      yield {
        text: or(row.text, (text) => `${text}#${copy}`),
        not_flag: or(row.flag, (flag) => !flag),
        sum: addends.length === 0 ? null : addends.reduce((sum, addend) => sum + addend),
        big: row.u64,
        low: row.i64,
        half: or(row.f64, (f64) => f64 / 2),
        single: row.f32,
        size: or(row.bytes, (bytes) => bytes.length),
        raw: row.bytes,
        next_day: or(row.day, (day) => day + 1),
        sec2: row.sec,
        milli2: row.milli,
        micro2: row.micro,
        nano2: row.nano,
        cents: row.amount,
        reversed: or(row.numbers, (numbers) => numbers.toReversed()),
        swapped: or(row.point, ({ x, y }) => ({ x: y, y: x })),
      };
    }
  },
);
