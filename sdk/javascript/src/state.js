// Rows that the host keeps for an operator: states, accumulators, entries of maps. They are plain objects; what of them changed is
// found by comparing, so that an author only changes them.

import { Builder, fastPut, misfit } from './builder.js';
import { missing, packed, unpacked, ValueError } from './column.js';
import { compiled, rowFunction } from './compile.js';
import { findColumns, schemaOf, storedFields } from './schema.js';
import { openFields } from './rows.js';
import { shown, tree } from './types.js';

const EMPTY = new Uint8Array(0);
const isFlat = ({ type }) => !type.item && !type.fields && type.kind !== 'binary' && type.kind !== 'float32';
const rounds = (type) => type.kind === 'float32' || (type.item ? rounds(type.item) : Object.values(type.fields ?? {}).some(rounds));

/**
 * Copies, compares and checks rows of some fields; `text` is the same for the same row, and for no other. A copy has what the host keeps:
 * if the shape `rounds`, that can be another number, and the rows that follow in a call must see the one that a later call sees.
 */
class Shape {
  constructor(fields, what) {
    const keys = fields.map((field) => ({ ...field, name: JSON.stringify(field.key) }));
    const copy = keys.map(
      (field, k) =>
        `${field.name}: ${isFlat(field) ? `o[${field.name}]${field.type.optional ? ' ?? null' : ''}` : `copyOf(types[${k}], o[${field.name}])`}`,
    );
    const equal = keys.map((field, k) => (isFlat(field) ? equalFlat(field) : `same(types[${k}], a[${field.name}], b[${field.name}])`));
    const check = keys.map(({ name, type }, k) => {
      const slow = `if (misfit(types[${k}], v) !== null) refuse(${name}, types[${k}], v);`;
      const fast = fastPut(type, 'v', '', '', '')?.fits;
      return `v = o[${name}]; ${fast ? `if (!(${type.optional ? 'v === null || ' : ''}${fast})) { ${slow} }` : slow}`;
    });
    const text = keys.map(({ name, type }, k) =>
      isFlat({ type }) && !type.kind.startsWith('float') && type.kind !== 'utf8'
        ? `(o[${name}] ?? null)`
        : `textOf(types[${k}], o[${name}])`,
    );
    Object.assign(
      this,
      { rounds: fields.some(({ type }) => rounds(type)) },
      compiled(
        `
      return {
        text(o) { return ${text.join(" + ' ' + ") || "''"} + ''; },
        copy(o) { return { ${copy.join(', ')} }; },
        equal(a, b) { return ${equal.join(' && ') || 'true'}; },
        check(o) {
          if (typeof o !== 'object' || o === null) throw new ValueError(what + ' is ' + shown(o) + ', but it is an object');
          var v, x;
          ${check.join('\n')}
        },
        // What an author sets: no field may be misspelt, and none added later, for the host would forget it.
        sealed(o) {
          if (o === null) return null;
          if (typeof o !== 'object') throw new ValueError(what + ' is ' + shown(o) + ', but it is an object');
          if (Object.keys(o).length !== keys.size) for (const key in o) if (!keys.has(key)) throw new ValueError(what + ' has no field ' + JSON.stringify(key) + '; it has ' + [...keys].join(', '));
          return Object.preventExtensions(o);
        },
      };
    `,
        {
          what,
          shown,
          ValueError,
          copyOf,
          same,
          textOf,
          types: fields.map(({ type }) => type),
          keys: new Set(fields.map(({ key }) => key)),
          refuse: (name, type, value) => {
            throw new ValueError(`${what}: ${name} is ${misfit(type, value)}`);
          },
        },
      ),
    );
  }
}

const equalFlat = ({ name, type }) => {
  const [a, b] = ['a', 'b'].map((row) => `(${row}[${name}]${type.optional ? ' ?? null' : ''})`);
  return type.kind.startsWith('float') ? `Object.is(${a}, ${b})` : `${a} === ${b}`;
};

/** The same text for values that the host holds as the same one, and for no other of the type. */
function textOf(type, value) {
  if ((value ?? null) === null) return 'null';
  if (type.item) return `[${Array.from(value, (item) => textOf(type.item, item)).join()}]`;
  if (type.fields)
    return `{${Object.entries(type.fields)
      .map(([key, field]) => textOf(field, value[key]))
      .join()}}`;
  if (type.kind === 'utf8') return JSON.stringify(value);
  if (type.kind === 'binary') return value.join();
  if (type.kind === 'float32') value = Math.fround(value);
  return type.kind.startsWith('float') && Object.is(value, -0) ? '-0' : String(value);
}

/** A copy of a value, as the host keeps it, that shares nothing with it that can change. */
function copyOf(type, value) {
  if (value === null || value === undefined) return null;
  if (type.item) return Array.from(value, (item) => copyOf(type.item, item));
  if (type.fields) return Object.fromEntries(Object.entries(type.fields).map(([key, field]) => [key, copyOf(field, value[key])]));
  if (type.kind === 'float32') return Math.fround(value);
  return type.kind === 'binary' ? value.slice() : value;
}

function same(type, a, b) {
  if ((a ?? null) === null || (b ?? null) === null) return (a ?? null) === (b ?? null);
  if (type.item) return a.length === b.length && Array.prototype.every.call(a, (item, i) => same(type.item, item, b[i]));
  if (type.fields) return Object.entries(type.fields).every(([key, field]) => same(field, a[key], b[key]));
  return type.kind === 'binary' ? a.length === b.length && a.every((byte, i) => byte === b[i]) : Object.is(a, b);
}

/** Rows of a declared kind: their schema, and how they are read from columns and written to them. */
export class Stored {
  constructor(row, what) {
    this.what = what;
    this.fields = storedFields(row, what);
    this.schema = schemaOf(this.fields);
    this.columns = tree(this.schema);
    this.own = findColumns(this.fields, this.columns);
    this.indices = this.columns.map((_, index) => index);
    this.shape = new Shape(this.fields, what);
    this.reader = rowFunction(this.own);
    this.fill = filler(this.fields);
  }

  /** Rows of columns that this very declaration has written: a function of the row. */
  read(count, nodes) {
    this.reader.bind(openFields(this.own, this.indices, this.columns, { rows: count, columns: nodes }));
    return this.reader.row;
  }

  /** Rows of states that were written under another layout, matched by name; optional columns may be missing, if `mayMiss`. */
  readAs(schema, count, nodes, mayMiss) {
    const columns = tree(schema);
    const fields = findColumns(this.fields, columns, null, 'the state', mayMiss);
    const indices = columns.map((_, index) => index);
    const opened = openFields(fields, indices, columns, { rows: count, columns: nodes });
    const reader = rowFunction(fields);
    reader.bind(opened);
    // The other version may have had nulls where this one has no place for them; those in lists and structs are noticed when they are read.
    const strict = fields.flatMap(({ key, type }, k) => (opened[k]?.n && !type.optional ? [{ key, valid: opened[k].n }] : []));
    return (row) => {
      for (const { key, valid } of strict) if (valid[row] === 0) missing(key);
      return reader.row(row);
    };
  }

  /** The columns of some rows; null: a row that is not there. */
  write(rows) {
    const nodes = [];
    const builders = this.fields.map(({ type }) => new Builder(type, rows.length));
    this.fill(rows, builders);
    this.fields.forEach(({ key }, k) => builders[k].finish(nodes, `${this.what}: ${key}`));
    return nodes;
  }
}

/** What puts rows into builders: `fill(rows, builders)`. */
function filler(fields) {
  const each = (text) =>
    fields.map(({ key, type }, k) => text(k, JSON.stringify(key), fastPut(type, 'v', 'n', `a${k}`, `b${k}`))).join('\n');
  return compiled(`
    return function fill(rows, builders) {
      var v, x;
      ${each((k) => `var w${k} = builders[${k}], a${k} = w${k}.a, b${k} = w${k}.b;`)}
      for (var n = 0; n < rows.length; n++) {
        var o = rows[n];
        ${each((k, key, fast) => `v = o === null ? null : o[${key}]; ${fast ? `if (${fast.fits}) { ${fast.write} } else ` : ''}{ w${k}.at = n; w${k}.put(v); }`)}
      }
      ${each((k) => `w${k}.at = n;`)}
    };
  `);
}

/** The states of a call. */
export class Slots {
  constructor(stored, { keys, present, columns }) {
    this.stored = stored;
    this.count = keys;
    this.present = present.length === 0 ? null : unpacked(present, keys);
    this.row = stored.read(keys, columns);
    this.slots = new Array(keys);
  }

  /** That of a key: `{ now, was }`; both null: it has none. */
  get(key) {
    const slot = this.slots[key];
    if (slot !== undefined) return slot;
    if (key >= this.count) throw new Error(`a row has key ${key}, but the call has ${this.count} keys`);
    const there = this.present === null || this.present[key] === 1;
    const now = there ? Object.preventExtensions(this.row(key)) : null;
    return (this.slots[key] = { now, was: there ? this.stored.shape.copy(now) : null });
  }

  /** Which changed, and what they are now. */
  changes() {
    const keys = [];
    const rows = [];
    const { shape } = this.stored;
    this.slots.forEach(({ now, was }, key) => {
      if (now === null ? was === null : was !== null && shape.equal(now, was)) return;
      keys.push(key);
      rows.push(now);
    });
    const columns = this.stored.write(rows);
    if (keys.length === 0) return { changed: { tag: 'empty' }, states: { keys: 0, present: EMPTY, columns } };
    const present = packed(
      rows.map((row) => (row === null ? 0 : 1)),
      rows.length,
    );
    const changed = keys.length === this.count ? { tag: 'all' } : { tag: 'indices', val: new Uint8Array(Uint32Array.from(keys).buffer) };
    return { changed, states: { keys: rows.length, present, columns } };
  }
}

/** States that another version of an operator wrote. */
export class OldStates {
  constructor(stored, version, layout, { keys, present, columns }) {
    Object.assign(this, { stored, version, layout, keys, nodes: columns, present: present.length === 0 ? null : unpacked(present, keys) });
  }

  /**
   * Reads them as rows of a declared kind, one entry per key (null: none); columns are matched by name, and an optional field that the
   * other version did not have is null. Without an argument: as this version has them.
   */
  read(row) {
    const stored = row === undefined ? this.stored : new Stored(row, 'the old state');
    return this.#rows(stored.readAs(this.layout, this.keys, this.nodes, true));
  }

  /**
   * As this version has them, but every column must be there, optional ones too: what is done without `migrate`. A column of the other
   * version that this one does not have is discarded.
   */
  readWhole() {
    let at;
    try {
      at = this.stored.readAs(this.layout, this.keys, this.nodes, false);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`there is no migration from version ${this.version} of the state, and its columns do not fit: ${error.message}`);
    }
    return this.#rows(at);
  }

  #rows(at) {
    return Array.from({ length: this.keys }, (_, key) => (this.present === null || this.present[key] === 1 ? at(key) : null));
  }
}
