// Columns as they come in: views of the host's bytes, and the expression that reads a value of each. It copies a column only where
// its values are no numbers of JavaScript, and makes no object per value but those that the author's type asks for.

import { accepts, factor } from './types.js';
import { asciiOf, textOf, textsOf } from './text.js';

/** The typed arrays whose values are those of a column as they are. */
export const VIEWS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
  date32: Int32Array,
};
const OF_FORMAT = { c: 'int8', C: 'uint8', s: 'int16', S: 'uint16', i: 'int32', I: 'uint32', f: 'float32', g: 'float64' };
const KINDS = ['insert', 'update-before', 'update-after', 'delete'];

/** Bytes as numbers. What begins at an odd address is copied. */
export function view(Numbers, bytes) {
  const size = Numbers.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % size === 0) return new Numbers(bytes.buffer, bytes.byteOffset, bytes.length / size);
  return new Numbers(bytes.slice().buffer);
}

/** Eight bits as eight bytes, by their number. */
const BYTES_OF_BITS = Array.from({ length: 256 }, (_, bits) => Uint8Array.from({ length: 8 }, (_, bit) => (bits >> bit) & 1));

/** One byte per bit. */
export function unpacked(bits, count) {
  const bytes = new Uint8Array((count + 7) & ~7);
  for (let i = 0, at = 0; at < count; i++, at += 8) {
    const eight = bits[i];
    if (eight !== 0) bytes.set(BYTES_OF_BITS[eight], at);
  }
  return bytes.length === count ? bytes : bytes.subarray(0, count);
}

/** One bit per byte; the bytes are 0 or 1. */
export function packed(bytes, count) {
  const bits = new Uint8Array((count + 7) >> 3);
  const whole = count >> 3;
  let i = 0;
  // Eight at a time: the engine takes its time for each step.
  for (let at = 0; at < whole; at++) {
    bits[at] =
      bytes[i++] |
      (bytes[i++] << 1) |
      (bytes[i++] << 2) |
      (bytes[i++] << 3) |
      (bytes[i++] << 4) |
      (bytes[i++] << 5) |
      (bytes[i++] << 6) |
      (bytes[i++] << 7);
  }
  for (; i < count; i++) bits[whole] |= bytes[i] << (i & 7);
  return bits;
}

const ONES_OF_BITS = Uint8Array.from(BYTES_OF_BITS, (bytes) => bytes.reduce((sum, bit) => sum + bit));

/** How many bits are one. */
export function ones(bits) {
  let sum = 0;
  for (let at = 0; at < bits.length; at++) sum += ONES_OF_BITS[bits[at]];
  return sum;
}

/** Thrown for what does not fit: a value into its type, a column or a configuration into what the operator declares. Its message says it all. */
export class ValueError extends Error {}

/** An int64 of two halves as a number. */
export function wide(high, low, name) {
  if (high >= -0x200000 && high < 0x200000) return high * 0x100000000 + low;
  const value = (BigInt(high) << 32n) | BigInt(low);
  throw new ValueError(`column ${JSON.stringify(name)} is ${value}, which a number does not hold exactly: read it as a bigint`);
}

/** A uint64 of two halves as a number. */
export function wideUnsigned(high, low, name) {
  if (high < 0x200000) return high * 0x100000000 + low;
  const value = (BigInt(high) << 32n) | BigInt(low);
  throw new ValueError(`column ${JSON.stringify(name)} is ${value}, which a number does not hold exactly: read it as 'biguint64'`);
}

/** A null where the author's type has no place for one. */
export function missing(name) {
  throw new ValueError(`column ${JSON.stringify(name)} is null, and the operator has no place for that ('...?')`);
}

/**
 * How the columns of a row are read: for each field its `key` as JSON and the expression that reads row `i` of the variables `a`, `b`, `c`
 * and `n` with its number; `variables` are all of them.
 */
export function rowReader(fields) {
  const values = fields.map(({ key, type, column }, k) => ({
    key: JSON.stringify(key),
    read: column === null && !isAside(type) ? 'null' : expression(type, k, key, column),
  }));
  return { values, variables: fields.flatMap((_, k) => [`a${k}`, `b${k}`, `c${k}`, `n${k}`]).join(', ') };
}

/** Fields that are no columns. */
export const isAside = ({ kind }) => kind === 'event-time' || kind === 'row-kind';

/** How the values of a column lie there: its kind, or `int64` and `uint64` (two halves), `big` (bigints), `made` (one by one). */
function shape(type, column) {
  const { kind, big } = type;
  if (kind === 'timestamp' && factor(type, column) !== 1) return 'made';
  if (kind === 'int64' || kind === 'uint64' || kind === 'event-time' || kind === 'timestamp')
    return big ? 'big' : kind === 'uint64' ? 'uint64' : 'int64';
  return kind;
}

/** The expression that reads row `i` of column `k`. */
export function expression(type, k, name, column) {
  const [a, b, c, n] = ['a', 'b', 'c', 'n'].map((letter) => letter + k);
  const label = JSON.stringify(name);
  const kind = shape(type, column);
  let read = `${a}.get(i)`;
  if (VIEWS[kind] || kind === 'big') read = `${a}[i]`;
  // What a number holds exactly is made here, because a call costs more than all the rest; `wide` refuses what is beyond.
  else if (kind === 'int64')
    read = `((h = ${b}[i + i + 1]) === 0 ? ${a}[i + i] : h >= -2097152 && h < 2097152 ? h * 4294967296 + ${a}[i + i] : wide(h, ${a}[i + i], ${label}))`;
  else if (kind === 'uint64')
    read = `((h = ${a}[i + i + 1]) === 0 ? ${a}[i + i] : h < 2097152 ? h * 4294967296 + ${a}[i + i] : wideUnsigned(h, ${a}[i + i], ${label}))`;
  else if (kind === 'bool') read = `${a}[i] === 1`;
  else if (kind === 'utf8') read = `(${c} === null ? ${a}.slice(${b}[i], ${b}[i + 1]) : ${c}[i])`;
  // A row with a null elsewhere is refused before any is read.
  return type.optional ? `(${n} !== null && ${n}[i] === 0 ? null : ${read})` : read;
}

/** A column of a call: `a`, `b`, `c` as {@link expression} wants them, `n` a byte per row that says whether it is there (null: all are). */
export class Column {
  constructor(type, name, length) {
    Object.assign(this, { type, name, length, a: null, b: null, c: null, n: null });
  }

  /** The value of a row. */
  get(i) {
    if (this.n !== null && this.n[i] === 0) return this.type.optional ? null : missing(this.name);
    return this.value(i);
  }

  value(i) {
    return this.a.get(i);
  }
}

/** Columns of numbers and booleans. */
class Plain extends Column {
  value(i) {
    return this.type.kind === 'bool' ? this.a[i] === 1 : this.a[i];
  }
}

class Int64 extends Column {
  value(i) {
    return this.b === null ? wideUnsigned(this.a[i + i + 1], this.a[i + i], this.name) : wide(this.b[i + i + 1], this.a[i + i], this.name);
  }
}

class Text extends Column {
  value(i) {
    return this.c === null ? this.a.slice(this.b[i], this.b[i + 1]) : this.c[i];
  }
}

/** Columns whose values are made one by one. */
class Made extends Column {
  constructor(type, name, length, make) {
    super(type, name, length);
    this.a = { get: make };
  }
}

/**
 * Opens a column: `column` is its tree, `nodes` begins at its own node.
 */
export function open(type, column, nodes, name, at = { node: 0 }) {
  const node = nodes[at.node++];
  const { length, buffers } = node;
  const opened = openValues(type, column, nodes, name, at, node);
  // What is below and was not read is skipped by the caller, who knows how many nodes a column has.
  if (node.nullCount > 0) opened.n = unpacked(buffers[0], length);
  return opened;
}

function openValues(type, column, nodes, name, at, { length, buffers }) {
  const { kind } = type;
  if (VIEWS[kind]) return Object.assign(new Plain(type, name, length), { a: view(VIEWS[kind], buffers[1]) });
  if (kind === 'bool') return Object.assign(new Plain(type, name, length), { a: unpacked(buffers[1], length) });
  if (kind === 'int64' || kind === 'uint64' || kind === 'event-time') return openInt64(type, name, length, buffers[1]);
  if (kind === 'utf8') return openText(type, name, length, buffers);
  if (kind === 'binary') {
    const offsets = view(Int32Array, buffers[1]);
    return new Made(type, name, length, (i) => buffers[2].slice(offsets[i], offsets[i + 1]));
  }
  if (kind === 'timestamp') {
    const times = factor(type, column);
    return times === 1 ? openInt64(type, name, length, buffers[1]) : openTimestamp(type, name, length, buffers[1], times);
  }
  if (kind === 'decimal128') {
    const [low, high] = [view(BigUint64Array, buffers[1]), view(BigInt64Array, buffers[1])];
    return new Made(type, name, length, (i) => (high[i + i + 1] << 64n) | low[i + i]);
  }
  if (kind === 'number') {
    if (column.format === 'l' || column.format === 'L') {
      const values = view(column.format === 'l' ? BigInt64Array : BigUint64Array, buffers[1]);
      return new Made(type, name, length, (i) => Number(values[i]));
    }
    const values = view(VIEWS[OF_FORMAT[column.format]], buffers[1]);
    return new Made(type, name, length, (i) => values[i]);
  }
  if (kind === 'list') {
    const offsets = view(Int32Array, buffers[1]);
    const items = open(type.item, column.children[0], nodes, `${name}: an item`, at);
    return new Made(type, name, length, (i) => {
      const list = [];
      for (let item = offsets[i]; item < offsets[i + 1]; item++) list.push(items.get(item));
      return list;
    });
  }
  return openStruct(type, column, nodes, name, at, length);
}

function openInt64(type, name, length, bytes) {
  if (type.big)
    return Object.assign(new Plain(type, name, length), { a: view(type.kind === 'uint64' ? BigUint64Array : BigInt64Array, bytes) });
  const a = view(Uint32Array, bytes);
  return Object.assign(new Int64(type, name, length), {
    a,
    b: type.kind === 'uint64' ? null : new Int32Array(a.buffer, a.byteOffset, a.length),
  });
}

function openText(type, name, length, [, offsetBytes, bytes]) {
  const column = new Text(type, name, length);
  if (length === 0) return Object.assign(column, { c: [] });
  column.b = view(Int32Array, offsetBytes);
  column.a = asciiOf(bytes);
  if (column.a === null) column.c = textsOf(bytes, column.b, length);
  return column;
}

function openTimestamp(type, name, length, bytes, times) {
  const [values, scale] = [view(BigInt64Array, bytes), BigInt(times)];
  return new Made(type, name, length, (i) => {
    const value = values[i] * scale;
    if (BigInt.asIntN(64, value) !== value)
      throw new ValueError(`column ${JSON.stringify(name)} is ${values[i]}, which is out of range in ${type.unit}`);
    if (type.big) return value;
    if (value > 9007199254740991n || value < -9007199254740991n) {
      throw new ValueError(
        `column ${JSON.stringify(name)} is ${value}, which a number does not hold exactly: read it as 'bigtimestamp(${type.unit})'`,
      );
    }
    return Number(value);
  });
}

function openStruct(type, column, nodes, name, at, length) {
  const opened = {};
  for (const child of column.children) {
    const field = type.fields[child.name];
    const start = at.node;
    if (field && !(child.name in opened) && accepts(field, child))
      opened[child.name] = open(field, child, nodes, `${name}: ${child.name}`, at);
    at.node = start + child.nodes;
  }
  const fields = Object.keys(type.fields).map((key) => [key, opened[key]]);
  return new Made(type, name, length, (i) => {
    const value = {};
    for (const [key, field] of fields) value[key] = field === undefined ? null : field.get(i);
    return value;
  });
}

/** The kinds of the rows of a call. */
export function openKinds(bytes, rows) {
  const made = new Made(
    { kind: 'row-kind', optional: false },
    'row-kind',
    rows,
    bytes.length === 0 ? () => KINDS[0] : (i) => KINDS[bytes[i]],
  );
  return made;
}

/** The event times of a call. */
export function openTimes(type, name, bytes, rows) {
  return openInt64(type, name, rows, bytes);
}

/** A kind of row as the contract writes it; -1: it is none. */
export const kindOf = (value) => KINDS.indexOf(value);
