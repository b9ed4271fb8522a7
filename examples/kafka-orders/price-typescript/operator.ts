// Says what an order costs: takes its text apart, `2x espresso, 1x croissant`, and adds up the prices. Orders of the test customer are
// dropped. An order with an item that is not in the price list, or none of it, is refused, never priced in part.

import { keepAll, mapOf, RowError, transform } from 'weir-sdk';

/** More of one product than this is a typing error. */
const QUANTITY_MAX = 999;

export default transform({
  title: 'What an order costs',
  config: {
    prices: { type: mapOf('uint32'), doc: 'Cents per product.' },
    testCustomer: { type: 'utf8?', doc: 'Whose orders do not count.' },
  },
  reads: { customer: 'utf8', items: 'utf8' },
  // The order as it is, and what it costs.
  emits: { ...keepAll, cents: 'int64' },
}, ({ customer, items }, { config: { prices, testCustomer } }) => {
  if (customer === testCustomer) return;
  const cents = items.split(',').map((item) => centsOf(item.replace(/^ +| +$/g, ''), prices));
  return { cents: cents.reduce((total, one) => total + one, 0) };
});

/** What an item like `2x espresso` costs. */
function centsOf(item: string, prices: ReadonlyMap<string, number>): number {
  const refused = (why: string) => new RowError(`item "${item}": ${why}`);
  const [, quantity, product] = /^(.*?)x (.*)$/s.exec(item) ?? [];
  if (quantity === undefined || product === undefined) throw refused('not like "2x espresso"');
  if (!/^[0-9]+$/.test(quantity)) throw refused('the quantity is no number');
  if (Number(quantity) < 1 || Number(quantity) > QUANTITY_MAX) throw refused(`the quantity is not between 1 and ${QUANTITY_MAX}`);
  const price = prices.get(product);
  if (price === undefined) throw refused('not in the price list');
  return Number(quantity) * price;
}
