// What an author declares against what the inputs have: finds columns by name and type, and says what an output is made of.

import { isAside, ValueError } from './column.js';
import { accepts, parseType, tree, typeName } from './types.js';

/** A column that the host carries over by itself. */
export class Kept {
  constructor(from) {
    this.from = from;
  }
}

/** All columns of the input, but some. */
export class KeptAll {
  constructor(but = []) {
    this.but = but;
  }
}

/** A field that is read from a column of another name. */
export class From {
  constructor(name, type) {
    Object.assign(this, { columnName: name, type });
  }
}

/** The declared fields of a row: `[{ key, type, columnName }]`. */
export function rowFields(row, where) {
  if (typeof row !== 'object' || row === null) throw new TypeError(`${where} is an object with a type per column`);
  return Object.entries(row).map(([key, given]) => {
    const from = given instanceof From ? given : null;
    const type = parseType(from ? from.type : given, `${where}: ${key}`);
    return { key, type, columnName: from?.columnName ?? key };
  });
}

/** The fields of a row that the host keeps (a state, an entry of a map): only types that columns have. */
export function storedFields(row, where) {
  const fields = rowFields(row, where);
  for (const { key, type, columnName } of fields) {
    if (isAside(type) || type.kind === 'number' || columnName !== key)
      throw new TypeError(`${where}: ${key} is no column of its own: give it another type`);
  }
  return fields;
}

/** The schema of stored fields. */
export const schemaOf = (fields) => fields.flatMap(({ key, type }) => type.schema(key));

const listing = (columns) => columns.map((column) => `${column.name}: ${typeName(column)}`).join(', ') || 'no columns';

/**
 * Finds the columns of some fields: for each its tree and its index in the schema.
 * @throws if one is missing or has another type
 */
export function findColumns(fields, columns, config, what = 'the input', mayMiss = false) {
  return fields.map((field) => {
    const { key, type } = field;
    if (isAside(type)) return { ...field, column: null, index: -1 };
    const name = typeof field.columnName === 'function' ? field.columnName(config) : field.columnName;
    const index = columns.findIndex((column) => column.name === name);
    const column = columns[index];
    if (column === undefined) {
      if (mayMiss && type.optional) return { ...field, column: null, index: -1 };
      throw new ValueError(
        `there is no column ${JSON.stringify(name)} (${type.readable}), which the operator reads; ${what} has ${listing(columns)}`,
      );
    }
    if (!accepts(type, column)) {
      throw new ValueError(
        `column ${JSON.stringify(name)} is ${typeName(column)}, but the operator reads it as ${type.readable}; ${what} has ${listing(columns)}`,
      );
    }
    return { ...field, key, column, index };
  });
}

/** An output as its author declared it: `{ name, columns: [{ name, keep | type }] }`. */
export function declaredOutput(name, row) {
  if (typeof row !== 'object' || row === null) throw new TypeError(`the output ${name} is an object with a type per column`);
  const columns = Object.entries(row).map(([column, given]) => {
    if (given instanceof KeptAll) return { all: given };
    if (given instanceof Kept) return { name: column, keep: given.from ?? column };
    return { name: column, type: parseType(given, `the output ${name}: ${column}`) };
  });
  return { name, columns };
}

/**
 * What an output is, for these inputs: its entry in the plan, and its computed fields in the order of the plan.
 * @throws if a kept column is not there
 */
export function outputPlan({ name, columns }, inputs) {
  const planned = [];
  const computed = [];
  const compute = ({ name: column, type }) => {
    computed.push({ key: column, type });
    if (!isAside(type)) planned.push({ tag: 'computed', val: type.schema(column) });
  };
  const waiting = new Map(columns.filter((column) => column.type).map((column) => [column.name, column]));
  for (const column of columns) {
    if (column.all) {
      for (const kept of keptAll(column.all, inputs, name)) {
        const own = waiting.get(kept.name);
        if (own) {
          compute(own);
          waiting.delete(kept.name);
        } else planned.push({ tag: 'kept', val: { input: kept.input, column: kept.column, name: null } });
      }
    } else if (column.keep !== undefined) planned.push({ tag: 'kept', val: keptColumn(column, inputs, name) });
    else if (waiting.delete(column.name)) compute(column);
  }
  const kinds = computed.some(({ type }) => type.kind === 'row-kind');
  return { plan: { name, columns: planned, changelog: kinds ? 'retract' : 'insert-only' }, computed };
}

function keptAll({ but }, inputs, output) {
  if (inputs.length > 1)
    throw new ValueError(
      `output ${JSON.stringify(output)} keeps all columns, but of several inputs: name them, as in keep('${inputs[0].name}.column')`,
    );
  const { columns } = inputs[0];
  const gone = but.find((name) => !columns.some((column) => column.name === name));
  if (gone !== undefined)
    throw new ValueError(
      `there is no column ${JSON.stringify(gone)}, which output ${JSON.stringify(output)} leaves out; the input has ${listing(columns)}`,
    );
  return columns.flatMap(({ name }, column) => (but.includes(name) ? [] : [{ input: 0, column, name }]));
}

function keptColumn({ name, keep: from }, inputs, output) {
  const found = inputs.flatMap(({ name: input, columns }, index) => {
    const column = columns.findIndex((column) => column.name === from || (inputs.length > 1 && `${input}.${column.name}` === from));
    return column < 0 ? [] : [{ input: index, column }];
  });
  if (found.length === 0) {
    const all = inputs
      .map(({ name: input, columns }) => `${inputs.length > 1 ? `${input} has` : 'the input has'} ${listing(columns)}`)
      .join('; ');
    throw new ValueError(`there is no column ${JSON.stringify(from)}, which output ${JSON.stringify(output)} keeps; ${all}`);
  }
  if (found.length > 1)
    throw new ValueError(
      `several inputs have a column ${JSON.stringify(from)}, which output ${JSON.stringify(output)} keeps: write 'INPUT.${from}'`,
    );
  const [{ input, column }] = found;
  return { input, column, name: inputs[input].columns[column].name === name ? null : name };
}

/** The inputs of a call of `describe` with their columns as trees. */
export function openInputs(inputs) {
  return inputs.map(({ name, columns, keys, changelog }) => ({ name, columns: tree(columns), keys, changelog }));
}
