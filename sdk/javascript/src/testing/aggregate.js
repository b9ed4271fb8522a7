// Runs an aggregate over the rows of one group, cut into parts that are aggregated on their own and then merged.

import { testInputs } from './table.js';

const ABSENT = Uint8Array.of(0);

/** An aggregate that is connected to rows. */
export class AggregateHarness {
  constructor(operator, options) {
    this.operator = operator;
    this.inputs = testInputs(operator, options);
    this.connected = operator.describe(
      options.config,
      this.inputs.map((input) => input.wire),
    );
  }

  /** The result of one group: `{ result, rejected }`. Each part of the rows is aggregated on its own. */
  aggregate(...parts) {
    const { accumulate, merge, finish, plan } = this.connected;
    const { accumulator, result } = this.operator;
    const states = (columns) => ({ keys: 1, present: new Uint8Array(0), columns });
    let merged = null;
    const rejected = [];
    for (const rows of parts.length === 0 ? [[]] : parts) {
      const given = accumulate(this.inputs[0].batch(rows, plan.reads[0]), new Uint8Array(4 * rows.length), {
        keys: 1,
        present: ABSENT,
        columns: accumulator.write([null]),
      });
      rejected.push(...given.rejected);
      merged = merged === null ? given.accumulators : merge(states(merged), states(given.accumulators));
    }
    return { result: result.read(1, finish(states(merged)))(0), rejected };
  }
}
