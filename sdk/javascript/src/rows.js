// The rows of a call: opens the columns that the operator reads, finds the rows that it cannot take, and collects those that it refuses.

import { isAside, open, openKinds, openTimes } from './column.js';
import { findColumns, rowFields } from './schema.js';
import { shown } from './types.js';

/** What is read of one input. */
export class Reads {
  constructor(fields, input, config) {
    this.fields = fields && findColumns(fields, input.columns, config, `input ${JSON.stringify(input.name)}`);
    this.indices = [];
    this.columns = [];
    if (fields) this.want(this.fields);
  }

  /** Adds columns of the input to those that a call brings in. */
  want(fields) {
    for (const { index, column } of fields) {
      if (index < 0 || this.indices.includes(index)) continue;
      this.indices.push(index);
      this.columns.push(column);
    }
  }

  get eventTimes() {
    return this.fields.some(({ type }) => type.kind === 'event-time');
  }

  /** The columns of a call, for some of the fields. */
  open(batch, fields = this.fields) {
    return openFields(fields, this.indices, this.columns, batch);
  }
}

/** Opens the columns of some fields: `indices` and `columns` are those that the call brings. */
export function openFields(fields, indices, columns, { rows, columns: nodes, eventTimes, rowKinds }) {
  const starts = [];
  let at = 0;
  for (const column of columns) {
    starts.push(at);
    at += column.nodes;
  }
  if (at !== nodes.length) throw new Error(`the call has ${nodes.length} columns, nested ones counted, instead of ${at}`);
  return fields.map(({ key, type, column, index }) => {
    if (type.kind === 'event-time') return openTimes(type, key, eventTimes, rows);
    if (type.kind === 'row-kind') return openKinds(rowKinds, rows);
    if (column === null) return null;
    return open(type, column, nodes, key, { node: starts[indices.indexOf(index)] });
  });
}

/** The fields of a row that no input column stands behind, as an author declares them; checked here. */
export function declaredReads(reads, where) {
  const fields = rowFields(reads, where);
  for (const { key, type } of fields) {
    if (isAside(type) && type.optional) throw new TypeError(`${where}: ${key} is never null`);
  }
  return fields;
}

/** Throws if that is no row of a call of `rows` rows. */
export function checkRow(row, rows) {
  if (!Number.isInteger(row) || row < 0 || row >= rows) throw new TypeError(`there is no row ${shown(row)}: the call has ${rows} rows`);
}

/** The rows of a call that are refused. */
export class Refused {
  constructor() {
    this.failures = [];
    this.skip = null;
  }

  /** Refuses a row; the first reason counts. */
  refuse(row, reason, rows) {
    if (this.skip === null) this.skip = new Uint8Array(rows);
    if (this.skip[row] === 1) return;
    this.skip[row] = 1;
    this.failures.push({ row, reason });
  }

  /** Whether a row is refused. */
  has(row) {
    return this.skip !== null && this.skip[row] === 1;
  }

  /** Refuses the rows that hold a null where the author's type has no place for one. */
  refuseNulls(fields, columns, rows) {
    fields.forEach(({ key, type }, k) => {
      const valid = columns[k]?.n ?? null;
      if (valid === null || type.optional) return;
      for (let i = 0; i < rows; i++) {
        if (valid[i] === 0)
          this.refuse(i, `column ${JSON.stringify(key)} is null, and the operator has no place for that ('${type.name}?')`, rows);
      }
    });
  }
}
