// The weighted average of a window. The same operator in every language; this is its meaning.
//
// Input: the columns that the configuration names: `value` and `weight`, each any integer or float (read as float64).
// Config: `value`, `weight`: names of columns.
//
// - A row in which one of them is null counts for nothing. (Both fields are optional.)
// - A row with a negative weight is refused: "the weight is negative".
// - Accumulator, version 1: sum float64, weight float64, rows int64; all begin with 0. A row: sum + value * weight, weight + weight, rows + 1.
//   Merging adds each of the three.
// - Result, one column: average float64?: sum / weight, null if the weight is 0.

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
