// Rows whose values are written in different ways: as they are, and one by one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optional, transform } from 'weir-sdk';
import { connect } from 'weir-sdk/testing';

test('a row with values of many kinds is taken whole or not at all', () => {
  const op = transform(
    { reads: { n: 'int64' }, emits: { n: 'int64', list: optional(['int8']), cents: 'decimal128(3, 0)', text: 'utf8?' } },
    ({ n }) => {
      const row = { n, list: [n], cents: BigInt(n), text: `${n}` };
      if (n === 3) delete row.list;
      return row;
    },
  );
  const { main, rejected } = connect(op, {}).process([1, 999, 1000, 3, -1, -999].map((n) => ({ n })));
  assert.deepEqual(
    main.map(({ n, list, cents, text }) => [n, list, cents, text]),
    [
      [1, [1], 1n, '1'],
      [3, null, 3n, '3'],
      [-1, [-1], -1n, '-1'],
    ],
  );
  assert.deepEqual(
    rejected.map(({ row, reason }) => [row, /list|cents/.exec(reason)[0]]),
    [
      [1, 'list'],
      [2, 'list'],
      [5, 'list'],
    ],
  );
});
