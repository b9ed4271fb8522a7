// How far the readings of a window lie apart, in multiples of a unit.

import { aggregate } from 'weir-sdk';

// A minimum or a maximum of two values, either of which may be missing.
const of = (choose, a, b) => (a === null || b === null ? (a ?? b) : choose(a, b));

export default aggregate(
  {
    title: '{{name}}',
    // In the pipeline file: aggregates.spread = { component = "...", columns = ["celsius"], config = { unit = 0.5 } }
    config: { unit: 'float64' },
    // The columns that it reads, by name.
    reads: { celsius: 'float64' },
    // What is kept per group while its window is open; it starts with nulls and zeros.
    accumulator: { least: 'float64?', greatest: 'float64?' },
    // The result columns.
    emits: { spread: 'float64?' },
  },
  {
    accumulate(extremes, { celsius }) {
      extremes.least = of(Math.min, extremes.least, celsius);
      extremes.greatest = of(Math.max, extremes.greatest, celsius);
    },

    // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    merge(extremes, other) {
      extremes.least = of(Math.min, extremes.least, other.least);
      extremes.greatest = of(Math.max, extremes.greatest, other.greatest);
    },

    finish({ least, greatest }, { config }) {
      return { spread: least === null || greatest === null ? null : (greatest - least) / config.unit };
    },
  },
);
