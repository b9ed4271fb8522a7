// How far the delays of a window's flights lie apart, in a unit of so many minutes.

import { aggregate } from 'weir-sdk';

/** A minimum or a maximum of two values, either of which may be missing. */
function of(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? a ?? b : choose(a, b);
}

export default aggregate({
  title: '{{name}}',
  // In the pipeline file: aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }
  config: { unitMinutes: 'int64' },
  // The columns that it reads, by name.
  reads: { dep_delay: 'int64?' },
  // What is kept per group while its window is open; it starts with nulls and zeros.
  accumulator: { least: 'int64?', greatest: 'int64?' },
  // The result column.
  emits: { spread: 'float64?' },
}, {
  accumulate(extremes, { dep_delay }) {
    extremes.least = of(Math.min, extremes.least, dep_delay);
    extremes.greatest = of(Math.max, extremes.greatest, dep_delay);
  },

  // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
  merge(extremes, other) {
    extremes.least = of(Math.min, extremes.least, other.least);
    extremes.greatest = of(Math.max, extremes.greatest, other.greatest);
  },

  finish({ least, greatest }, { config }) {
    return { spread: least === null || greatest === null ? null : (greatest - least) / config.unitMinutes };
  },
});
