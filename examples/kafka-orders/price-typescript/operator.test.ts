import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.ts';

const price = connect(operator, { config: { prices: { espresso: 240, 'flat white': 360 }, testCustomer: 'smoke-test' } });

test('items are added up, and tests are dropped', () => {
  const { main } = price.process([
    { customer: 'old-mill', items: '2x espresso, 1x flat white' },
    { customer: 'smoke-test', items: '1x espresso' },
    { customer: 'town-hall', items: '3x espresso' },
  ]);
  assert.deepEqual(main.map(({ customer, cents }) => [customer, cents]), [['old-mill', 840], ['town-hall', 720]]);
});

for (const [items, reason] of [
  ['1x espresso, 1x esspresso', 'item "1x esspresso": not in the price list'],
  ['0x espresso', 'item "0x espresso": the quantity is not between 1 and 999'],
  ['1000x espresso', 'item "1000x espresso": the quantity is not between 1 and 999'],
  ['-1x espresso', 'item "-1x espresso": the quantity is no number'],
  ['espresso', 'item "espresso": not like "2x espresso"'],
  ['', 'item "": not like "2x espresso"'],
]) {
  test(`an order of "${items}" is refused as a whole`, () => {
    const { main, rejected } = price.process([{ customer: 'old-mill', items }]);
    assert.deepEqual([main, rejected], [[], [{ row: 0, reason }]]);
  });
}
