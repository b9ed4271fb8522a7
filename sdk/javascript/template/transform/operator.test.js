import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.js';

test('high bids are passed on with tax', () => {
  const bids = connect(operator, { config: { priceMin: 100 } });
  const { main, rejected } = bids.process([{ price: 99 }, { price: 100 }, { price: -1 }, { price: 250 }]);
  assert.deepEqual(main, [
    { price: 100, price_with_tax: 120 },
    { price: 250, price_with_tax: 300 },
  ]);
  assert.deepEqual(rejected, [{ row: 2, reason: 'the price is -1' }]);
});
