// Types of the test harness.

import type { Operator } from './index.js';

type Rows = readonly Readonly<Record<string, any>>[];

export interface Options {
  /** The configuration, with the keys of the pipeline or those of the operator. */
  config?: Record<string, unknown>;
  /** The columns of the rows; by default those that the operator reads. `{ at: 'event-time' }` is the rows' event time. */
  schema?: Record<string, unknown>;
  /** The same for an operator with several inputs, by their names. */
  inputs?: Record<string, Record<string, unknown>>;
  /** The columns that the rows are keyed by. */
  keyBy?: string[];
}

export interface Results {
  readonly main: Record<string, any>[];
  /** The rows of each output. */
  readonly outputs: Record<string, Record<string, any>[]>;
  /** The rows (or timers) that were refused: their indices in the call, and why. */
  readonly rejected: { row: number; reason: string }[];
}

export interface Harness {
  /** Processes a batch, of the input with this name. */
  process(rows: Rows, input?: string): Results;
  /** Of a keyed operator: moves the watermark on (microseconds) and runs the timers that are due by then. */
  advanceTo(watermark: number): Results;
  /** The same of the wall clock. */
  advanceProcessingTimeTo(time: number): Results;
  readonly states: { key: Record<string, any>; state: Record<string, any> }[];
  readonly timers: { key: Record<string, any>; time: number | bigint; domain: 'event-time' | 'processing-time' }[];
  entries(map: string): { of: Record<string, any>; key: Record<string, any>; value: Record<string, any> }[];
  /** Of a keyed operator: brings in states of another version, which declared its state so. */
  migrate(
    fromVersion: number,
    state: Record<string, unknown>,
    states: { key: Record<string, any>; state: Record<string, any> | null }[],
  ): void;
  /** Of an aggregate: the result of one group. Each part of the rows is aggregated on its own, then they are merged. */
  aggregate(...parts: Rows[]): { result: Record<string, any>; rejected: { row: number; reason: string }[] };
}

/** Connects an operator to rows. It throws what `describe` refuses. */
export function connect(operator: Operator, options?: Options): Harness;
/** The log lines since the last call. */
export function logLines(): [level: string, text: string][];
/** The metrics since the last call. */
export function metrics(): [kind: 'count' | 'gauge' | 'observe', name: string, value: number][];
