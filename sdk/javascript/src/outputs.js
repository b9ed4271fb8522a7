// The outputs of a call: what was emitted, for which row, and how what a refused row emitted is taken back.

import { Builder } from './builder.js';
import { isAside, VIEWS } from './column.js';
import { checkRow } from './rows.js';
import { declaredOutput, outputPlan } from './schema.js';

const EMPTY = new Uint8Array(0);
const FIRST_CAPACITY = 1024;
/** The typed arrays that go out as they are. */
const ARRAYS = { ...VIEWS, int64: BigInt64Array, uint64: BigUint64Array, timestamp: BigInt64Array };

/** The outputs that an author declared: `emits`, and `sides` by name. */
export function declaredOutputs({ emits, sides = {} }) {
  if (emits === undefined)
    throw new TypeError("`emits` is missing: the columns of the main output, such as { ...keepAll, price: 'int64' }");
  return [declaredOutput('main', emits), ...Object.entries(sides).map(([name, row]) => declaredOutput(name, row))];
}

class Output {
  constructor({ name, columns }, inputs) {
    const { plan, computed } = outputPlan({ name, columns }, inputs);
    this.plan = plan;
    this.fields = computed;
    this.builders = computed.map(({ type }) => new Builder(type, FIRST_CAPACITY));
    this.writer = null;
  }

  /** Takes back what a row emitted; rows come in order, so it is at the end. */
  undo(row) {
    const sources = this.writer.sources();
    let count = this.writer.total();
    if (count === 0 || sources[count - 1] !== row) return;
    while (count > 0 && sources[count - 1] === row) count--;
    this.writer.truncate(count);
  }

  /** Takes back what rows emitted that are marked, whatever their order. */
  drop(marked) {
    const places = [];
    const sources = this.writer.sources();
    const count = this.writer.total();
    for (let i = 0; i < count; i++) if (marked[sources[i]] !== 1) places.push(i);
    if (places.length === count) return;
    this.writer.seal();
    for (const builder of this.builders) builder.pick(places);
    places.forEach((place, to) => {
      sources[to] = sources[place];
    });
    this.writer.cut(places.length);
  }

  finish(rows, oncePerRow) {
    const count = this.writer.total();
    const sources = this.writer.sources();
    this.writer.seal();
    const delta = { rows: { tag: 'empty' }, computed: [], eventTimes: EMPTY, rowKinds: EMPTY };
    if (count === rows && rows > 0 && (oncePerRow || isIdentity(sources, count))) delta.rows = { tag: 'all' };
    else if (count > 0) delta.rows = { tag: 'indices', val: new Uint8Array(sources.buffer, 0, 4 * count) };
    this.fields.forEach(({ key, type }, k) => {
      const nodes = isAside(type) ? [] : delta.computed;
      this.builders[k].finish(nodes, key);
      if (type.kind === 'event-time') delta.eventTimes = nodes[0].buffers[1];
      else if (type.kind === 'row-kind') delta.rowKinds = nodes[0].buffers[1];
    });
    return delta;
  }
}

function isIdentity(sources, count) {
  for (let i = 0; i < count; i++) if (sources[i] !== i) return false;
  return true;
}

/** All outputs of an operator. */
export class Outputs {
  constructor(declared, inputs) {
    this.all = declared.map((output) => new Output(output, inputs));
    this.code = null;
  }

  get plans() {
    return this.all.map(({ plan }) => plan);
  }

  /** Takes the writers of code that was made for these outputs. */
  use(code) {
    this.code = code;
    this.all.forEach((output, p) => {
      output.writer = code.writers[p];
    });
  }

  /** What an author emits with: `emit(row)`, and `emit.NAME(row)` for each output. */
  get emit() {
    const { writers } = this.code;
    const emit = (row) => writers[0].emit(row);
    this.all.forEach(({ plan }, p) => Object.defineProperty(emit, plan.name, { value: writers[p].emit }));
    return emit;
  }

  begin() {
    this.code.begin();
    for (const { writer } of this.all) writer.reset();
  }

  undo(row) {
    for (const output of this.all) output.undo(row);
  }

  drop(marked) {
    if (marked !== null) for (const output of this.all) output.drop(marked);
  }

  finish(rows) {
    return this.all.map((output) => output.finish(rows, this.code.goesByRows()));
  }

  /**
   * Emits whole columns: `columns` has an array or a typed array per computed column, `rows` the input rows that they come from (none: all
   * `count`). `refuse(row, error)` refuses the row of a value that is none of its column.
   */
  emitColumns(name, columns, rows, count, refuse) {
    const output = this.all.find(({ plan }) => plan.name === name);
    if (output === undefined) throw new Error(`there is no output ${JSON.stringify(name)}`);
    const { fields, writer } = output;
    const length = rows?.length ?? count;
    for (let i = 0; rows !== undefined && i < length; i++) checkRow(rows[i], count);
    for (const { key, type } of fields) {
      const given = columns[key];
      if (given === undefined) writer.known(columns);
      if (given === undefined ? !type.optional : given.length !== length) {
        throw new TypeError(
          `column ${JSON.stringify(key)} of output ${JSON.stringify(name)} has ${given === undefined ? 'no values' : `${given.length} values`}, but ${length} rows are emitted`,
        );
      }
    }
    this.code.goesByRows(rows !== undefined || writer.total() > 0);
    if (fields.every(({ key, type }) => !isAside(type) && columns[key]?.constructor === ARRAYS[type.kind])) {
      return writer.append(columns, rows ?? identity(count), length);
    }
    for (let i = 0; i < length; i++) {
      const row = {};
      for (const { key } of fields) row[key] = columns[key] === undefined ? null : columns[key][i];
      const from = rows === undefined ? i : rows[i];
      try {
        writer.put(row, from);
      } catch (error) {
        refuse(from, error);
      }
    }
  }
}

let inOrder = new Uint32Array(0);

/** 0, 1, 2, ... */
function identity(count) {
  if (inOrder.length < count) inOrder = Uint32Array.from({ length: count }, (_, i) => i);
  return inOrder.subarray(0, count);
}
