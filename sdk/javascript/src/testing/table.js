// Rows of a test as the columns of a call, and back.

import { Builder, misfit } from '../builder.js';
import { isAside, open } from '../column.js';
import { rowFields } from '../schema.js';
import { tree, Type } from '../types.js';

const EMPTY = new Uint8Array(0);

/** One input of an operator under test: its columns, and the rows that come in by it. */
export class TestInput {
  constructor(name, schema, keyBy = []) {
    this.name = name;
    const fields = rowFields(schema, `the schema of ${name}`);
    this.fields = fields.filter(({ type }) => !isAside(type));
    this.asides = fields.filter(({ type }) => isAside(type));
    this.trees = tree(this.fields.flatMap(({ key, type }) => type.schema(key)));
    this.keys = keyBy.map((key) => {
      const index = this.fields.findIndex((field) => field.key === key);
      if (index < 0)
        throw new Error(
          `the rows have no column ${JSON.stringify(key)} to be keyed by; they have ${this.fields.map((field) => field.key).join(', ')}`,
        );
      return index;
    });
  }

  /** As the contract has it. */
  get wire() {
    return {
      name: this.name,
      columns: this.fields.flatMap(({ key, type }) => type.schema(key)),
      keys: Uint32Array.from(this.keys),
      changelog: 'insert-only',
    };
  }

  /** The nodes of some columns (indices) of some rows. */
  nodes(rows, indices) {
    const nodes = [];
    for (const index of indices) writeColumn(this.fields[index], rows, nodes);
    return nodes;
  }

  /** A batch with the columns that a plan reads. */
  batch(rows, indices) {
    const aside = (kind) => {
      const field = this.asides.find(({ type }) => type.kind === kind);
      if (field === undefined) return EMPTY;
      const nodes = [];
      writeColumn(field, rows, nodes);
      return nodes[0].buffers[1];
    };
    return { rows: rows.length, columns: this.nodes(rows, indices), eventTimes: aside('event-time'), rowKinds: aside('row-kind') };
  }
}

function writeColumn({ key, type }, rows, nodes) {
  const builder = new Builder(type, rows.length);
  rows.forEach((row, i) => {
    const why = misfit(type, row[key]);
    if (why !== null) throw new TypeError(`row ${i}: ${key} is ${why}`);
    builder.put(row[key]);
  });
  builder.finish(nodes, key);
}

/** The rows that an output gets of a call. `sources` are the rows of the call. */
export function applyDelta(output, delta, inputs, input, sources) {
  const rows =
    delta.rows.tag === 'empty'
      ? []
      : delta.rows.tag === 'all'
        ? sources.map((_, i) => i)
        : [...new Uint32Array(delta.rows.val.slice().buffer)];
  const computed = output.plan.columns.flatMap((column) => (column.tag === 'computed' ? tree(column.val) : []));
  const types = new Map(output.fields.map(({ key, type }) => [key, type]));
  const opened = [];
  let at = 0;
  for (const column of computed) {
    opened.push(openWide(types.get(column.name), column, delta.computed, { node: at }));
    at += column.nodes;
  }
  return rows.map((source, i) => {
    const row = {};
    let next = 0;
    for (const column of output.plan.columns) {
      if (column.tag === 'computed') row[column.val[0].name] = opened[next++].get(i);
      else {
        const { key } = inputs[column.val.input].fields[column.val.column];
        row[column.val.name ?? key] = column.val.input === input ? (sources[source][key] ?? null) : null;
      }
    }
    for (const { key, type } of output.fields) {
      if (type.kind === 'event-time')
        row[key] = open(type, null, [{ length: rows.length, nullCount: 0, buffers: [EMPTY, delta.eventTimes] }], key).get(i);
      else if (type.kind === 'row-kind') row[key] = ['insert', 'update-before', 'update-after', 'delete'][delta.rowKinds[i]];
    }
    return row;
  });
}

/** A column whose numbers may be such as a number does not hold: those are bigints. */
function openWide(type, column, nodes, at) {
  if (type.big || type.bytes !== 8 || isAside(type) || type.kind.startsWith('float') || type.kind === 'number')
    return open(type, column, nodes, column.name, at);
  const opened = open(new Type(type.kind, type.format, { ...type, big: true }), column, nodes, column.name, at);
  return { get: (i) => narrow(opened.get(i)) };
}

const narrow = (value) => (typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** What a call gave: the rows of each output by its name, and the rows that were refused. */
export class Results {
  constructor(outputs, rejected) {
    this.outputs = outputs;
    this.rejected = rejected;
  }

  /** The rows of the main output. */
  get main() {
    return this.outputs.main;
  }

  /** Adds what a later call gave. */
  append({ outputs, rejected }) {
    for (const name in outputs) this.outputs[name].push(...outputs[name]);
    this.rejected.push(...rejected);
  }
}

/** The inputs of an operator under test: as the test gives them, or else what the operator reads. */
export function testInputs(operator, { schema, inputs, keyBy }) {
  const declared = operator.inputs ?? [{ name: null, fields: operator.reads }];
  if (inputs !== undefined) return Object.entries(inputs).map(([name, columns]) => new TestInput(name, columns, keyBy));
  return declared.map(({ name, fields }) => {
    const read = Object.fromEntries(
      [...(operator.key ?? []), ...fields].map(({ key, type, columnName }) => [
        typeof columnName === 'string' && !isAside(type) ? columnName : key,
        type,
      ]),
    );
    return new TestInput(name ?? 'main', schema ?? read, keyBy);
  });
}
