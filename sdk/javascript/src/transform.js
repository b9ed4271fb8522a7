// Stateless operators: filter, map, flat-map, project, split.

import { ValueError } from './column.js';
import { operatorCode } from './compile.js';
import { checkConfig, configFields, configSchema, parseConfig } from './config.js';
import { reasonOf } from './failure.js';
import { declaredOutputs, Outputs } from './outputs.js';
import { checkRow, declaredReads, Reads, Refused } from './rows.js';
import { openInputs } from './schema.js';
import { checkKeys } from './types.js';

/** What an author's inputs are: `[{ name, fields, step }]`; one input is called `main` and takes any name. */
export function declaredInputs({ reads, inputs }, steps, does) {
  if (inputs === undefined) {
    if (typeof steps !== 'function') throw new TypeError(`${does} is a function: (row, ctx) => ...`);
    return [{ name: null, fields: declaredReads(reads ?? {}, 'reads'), step: steps }];
  }
  if (reads !== undefined) throw new TypeError('an operator has either `reads` (one input) or `inputs` (several)');
  return Object.entries(inputs).map(([name, row]) => {
    const step = typeof steps === 'function' ? steps : steps?.[name];
    if (typeof step !== 'function')
      throw new TypeError(`there is no function for the rows of input ${JSON.stringify(name)}: { ${name}: (row, ctx) => ... }`);
    return { name, fields: declaredReads(row, `inputs: ${name}`), step };
  });
}

/** The author's inputs in the order in which the operator is connected to them. */
export function connectInputs(declared, inputs) {
  if (declared.length === 1 && declared[0].name === null) {
    if (inputs.length !== 1) throw new ValueError(`the operator has one input, and is connected to ${inputs.length}`);
    return [declared[0]];
  }
  const listed = declared.map(({ name }) => name).join(', ');
  const connected = inputs.map(
    ({ name }) =>
      declared.find((input) => input.name === name) ?? fail(`the operator has no input ${JSON.stringify(name)}; it has ${listed}`),
  );
  const absent = declared.find((input) => !connected.includes(input));
  if (absent) fail(`the operator's input ${JSON.stringify(absent.name)} is not connected; it has ${listed}`);
  return connected;
}

function fail(message) {
  throw new ValueError(message);
}

const COMMON = ['title', 'config', 'validate', 'reads', 'emits'];
const KEYS = {
  transform: [...COMMON, 'inputs', 'sides'],
  keyed: [...COMMON, 'inputs', 'sides', 'key', 'state', 'version', 'maps'],
  aggregate: [...COMMON, 'accumulator', 'version'],
};

/** What every kind of operator has. */
export class Operator {
  constructor(world, declared) {
    if (typeof declared !== 'object' || declared === null)
      throw new TypeError(`${world}({ ... }) takes an object that says what the operator reads and emits`);
    checkKeys(declared, KEYS[world], `${world}({ ... })`);
    const { title, config, validate } = declared;
    Object.assign(this, { world, title: title ?? null, config: configFields(config), validate });
  }

  about() {
    return { title: this.title, configSchema: JSON.stringify(configSchema(this.config)) };
  }

  /** The configuration, from JSON (a pipeline) or an object (a test). */
  configured(given) {
    const config = typeof given === 'string' ? parseConfig(this.config, given) : checkConfig(this.config, given ?? {});
    try {
      this.validate?.(config);
    } catch (error) {
      // A mistake of the code is no refusal of the configuration.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
      throw new ValueError(`config: ${error.message ?? error}`);
    }
    return config;
  }

  /** Connects the operator: `{ plan, ... }`. */
  describe(config, inputs) {
    return this.connect(this.configured(config), openInputs(inputs));
  }
}

/** What a row's function sees. */
export class Context {
  constructor(config, outputs) {
    this.config = config;
    this.outputs = outputs;
    this.emit = null;
    this.input = null;
  }
}

/** Declares a transform; see `index.d.ts`. */
export class Transform extends Operator {
  constructor(declared, step, byColumns = false) {
    super('transform', declared);
    this.byColumns = byColumns;
    this.inputs = declaredInputs(declared, step, 'what a transform does');
    this.outputs = declaredOutputs(declared);
  }

  connect(config, inputs) {
    const connected = connectInputs(this.inputs, inputs);
    const reads = connected.map(({ fields }, i) => new Reads(fields, inputs[i], config));
    const outputs = new Outputs(this.outputs, inputs);
    const plan = {
      reads: reads.map(({ indices }) => Uint32Array.from(indices)),
      readsEventTimes: reads.some((read) => read.eventTimes),
      outputs: outputs.plans,
      state: null,
      maps: [],
    };
    const context = new Context(config, outputs);
    let refused;
    let rowsOfCall;
    const refuse = (row, error) => {
      if (!this.byColumns) outputs.undo(row);
      refused.refuse(row, reasonOf(error, 'the transform'), rowsOfCall);
    };
    const rows = this.byColumns ? [] : reads.map(({ fields }) => fields);
    const code = operatorCode(rows, outputs.all, { steps: connected.map(({ step }) => step), context, refuse, reuses: true });
    outputs.use(code);
    context.emit = outputs.emit;
    const runs = this.byColumns
      ? connected.map(({ step }, i) => columnRun(step, reads[i].fields, context, refuse, (row) => refused.has(row)))
      : code.runs;
    const process = (input, batch) => {
      refused = new Refused();
      rowsOfCall = batch.rows;
      outputs.begin();
      context.input = inputs[input].name;
      const columns = reads[input].open(batch);
      refused.refuseNulls(reads[input].fields, columns, batch.rows);
      runs[input](columns, batch.rows, refused.skip);
      if (this.byColumns) outputs.drop(refused.skip);
      return { outputs: outputs.finish(batch.rows), rejected: refused.failures };
    };
    return { plan, process };
  }
}

/** A call of an author's function on columns. */
function columnRun(step, fields, context, refuse, refused) {
  return (columns, rows) => {
    const views = {};
    fields.forEach(({ key }, k) => {
      views[key] = new ColumnView(columns[k], rows);
    });
    const { outputs } = context;
    const ctx = Object.assign(Object.create(context), {
      rows,
      emit: (emitted, from) => outputs.emitColumns('main', emitted, from, rows, refuse),
      emitTo: (name, emitted, from) => outputs.emitColumns(name, emitted, from, rows, refuse),
      refuse(row, reason) {
        checkRow(row, rows);
        refuse(row, reason instanceof Error ? reason : new Error(reason));
      },
      refused,
    });
    step(views, ctx);
  };
}

/** A column as an author's function sees it. */
export class ColumnView {
  constructor(column, rows) {
    this.column = column;
    this.length = rows;
  }

  /** A value; null where there is none. */
  get(row) {
    return this.isNull(row) ? null : this.column.value(row);
  }

  isNull(row) {
    return this.column.n !== null && this.column.n[row] === 0;
  }

  /** Whether some value is null. */
  get hasNulls() {
    return this.column.n !== null;
  }

  /** The values as the host has them: a typed array; of int64 a BigInt64Array. Values of nulls are undefined ones. */
  get values() {
    const { a, b, type } = this.column;
    if (b instanceof Int32Array && type.kind !== 'utf8') return new BigInt64Array(a.buffer, a.byteOffset, this.length);
    if (type.kind === 'uint64' && !type.big) return new BigUint64Array(a.buffer, a.byteOffset, this.length);
    if (ArrayBuffer.isView(a)) return a;
    return Array.from({ length: this.length }, (_, row) => this.get(row));
  }

  /** The halves of an int64 or a timestamp: [low (unsigned), high], two entries per row. */
  get words() {
    const { a, b } = this.column;
    return b instanceof Int32Array ? { low: a, high: b } : null;
  }
}
