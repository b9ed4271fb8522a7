// Runs a transform over rows.

import { applyDelta, Results, testInputs } from './table.js';

/** A transform that is connected to rows. */
export class TransformHarness {
  constructor(operator, options) {
    this.inputs = testInputs(operator, options);
    const { plan, process } = operator.describe(
      options.config,
      this.inputs.map((input) => input.wire),
    );
    Object.assign(this, { plan, call: process, outputs: outputsOf(operator, plan) });
  }

  /** Processes one batch, of the input with this name if there are several. */
  process(rows, name = this.inputs[0].name) {
    const input = this.inputs.findIndex((given) => given.name === name);
    const { outputs, rejected } = this.call(input, this.inputs[input].batch(rows, this.plan.reads[input]));
    return results(this.outputs, outputs, rejected, this.inputs, input, rows);
  }
}

/** The outputs with the types of their columns. */
export function outputsOf(operator, plan) {
  return plan.outputs.map((output, i) => ({
    plan: output,
    fields: operator.outputs[i].columns.filter(({ type }) => type).map(({ name, type }) => ({ key: name, type })),
  }));
}

/** The results of a call. */
export function results(outputs, deltas, rejected, inputs, input, rows) {
  const applied = outputs.map((output, i) => [output.plan.name, applyDelta(output, deltas[i], inputs, input, rows)]);
  return new Results(
    Object.fromEntries(applied),
    [...rejected].sort((a, b) => a.row - b.row),
  );
}
