// Says of each flight whether it left late, and leaves out those that never left.

import { keepAll, RowError, transform } from 'weir-sdk';

export default transform({
  title: '{{name}}',
  // In the pipeline file: config = { late-after-minutes = 15 }
  config: { lateAfterMinutes: 'int64' },
  // The columns that it reads, by name. More columns may come; they cost nothing.
  reads: { dep_delay: 'int64?' },
  // The columns that it emits: all of the input, and one more.
  emits: { ...keepAll, late: 'bool' },
}, (row, ctx) => {
  if (row.dep_delay === null) return;
  if (row.dep_delay < -24 * 60) {
    // `on-error` in the pipeline file says what happens to this row.
    throw new RowError(`it left ${-row.dep_delay} minutes before its time`);
  }
  return { late: row.dep_delay > ctx.config.lateAfterMinutes };
});
