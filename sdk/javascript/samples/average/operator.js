// The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.

import { aggregate, column, RowError } from 'weir-sdk';

export default aggregate(
  {
    title: 'A weighted average',
    config: { value: 'utf8', weight: 'utf8' },
    reads: { value: column((config) => config.value, 'number?'), weight: column((config) => config.weight, 'number?') },
    accumulator: { sum: 'float64', weight: 'float64', rows: 'int64' },
    emits: { average: 'float64?' },
  },
  {
    accumulate(sums, { value, weight }) {
      if (value === null || weight === null) return;
      if (weight < 0) throw new RowError('the weight is negative');
      sums.sum += value * weight;
      sums.weight += weight;
      sums.rows++;
    },

    merge(sums, other) {
      sums.sum += other.sum;
      sums.weight += other.weight;
      sums.rows += other.rows;
    },

    finish: ({ sum, weight }) => ({ average: weight === 0 ? null : sum / weight }),
  },
);
