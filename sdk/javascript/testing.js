// Runs operators in Node, over rows, through the code that runs in the component: rows become columns, the operator gets those that it
// reads, and its answer is applied as the host applies it.

import { AggregateHarness } from './src/testing/aggregate.js';
import { KeyedHarness } from './src/testing/keyed.js';
import { TransformHarness } from './src/testing/transform.js';
import { kept } from './src/telemetry.js';

const HARNESSES = { transform: TransformHarness, keyed: KeyedHarness, aggregate: AggregateHarness };

/** Connects an operator to rows; see `testing.d.ts`. */
export function connect(operator, options = {}) {
  const Harness = HARNESSES[operator?.world];
  if (!Harness) throw new TypeError('connect takes an operator: what transform, keyed or aggregate returned');
  return new Harness(operator, options);
}

/** The log lines so far, as `[level, text]`; they are forgotten by this. */
export const logLines = () => kept.lines.splice(0);
/** The metrics so far, as `[kind, name, value]`; they are forgotten by this. */
export const metrics = () => kept.metrics.splice(0);
