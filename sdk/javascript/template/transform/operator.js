// Keeps the bids that are high enough, and adds their price with tax.

import { keepAll, RowError, transform } from 'weir-sdk';

export default transform(
  {
    title: '{{name}}',
    // In the pipeline file: config = { price-min = 100 }
    config: { priceMin: 'int64' },
    // The columns that it reads, by name. More columns may come; they cost nothing.
    reads: { price: 'int64' },
    // The columns that it emits: all of the input, and one more.
    emits: { ...keepAll, price_with_tax: 'int64' },
  },
  (row, ctx) => {
    if (row.price < 0) {
      // `on-error` in the pipeline file says what happens to this row.
      throw new RowError(`the price is ${row.price}`);
    }
    if (row.price >= ctx.config.priceMin) {
      return { price_with_tax: row.price + Math.trunc(row.price / 5) };
    }
  },
);
