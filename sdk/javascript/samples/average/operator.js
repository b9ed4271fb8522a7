// A weighted average. The same sample in every language has the same meaning:
//
// It reads `value` and `weight` (float64, nullable). A row with a null in either counts for nothing; a weight below 0 refuses its row:
// `the weight is -1`. The accumulator has `sum` (float64: values times weights), `weight` (float64) and `rows` (int64). The result is `average`
// (float64: the sum over the weights; null if they are 0) and `rows` (int64). No configuration.

import { aggregate, RowError } from 'weir-sdk';

export default aggregate({
  title: 'Weighted average',
  reads: { value: 'float64?', weight: 'float64?' },
  accumulator: { sum: 'float64', weight: 'float64', rows: 'int64' },
  emits: { average: 'float64?', rows: 'int64' },
}, {
  accumulate(total, { value, weight }) {
    if (value === null || weight === null) return;
    if (weight < 0) throw new RowError(`the weight is ${weight}`);
    total.sum += value * weight;
    total.weight += weight;
    total.rows++;
  },

  merge(total, other) {
    total.sum += other.sum;
    total.weight += other.weight;
    total.rows += other.rows;
  },

  finish({ sum, weight, rows }) {
    return { average: weight === 0 ? null : sum / weight, rows };
  },
});
