// Columns that an operator makes: for each type a builder that takes one value after the other and ends in nodes of the contract.
// A value that the type does not hold exactly is refused before anything is written; nothing is ever wrapped, cut or rounded.

import { kindOf, ones, packed, ValueError, VIEWS } from './column.js';
import { bytesOf } from './text.js';
import { shown } from './types.js';

const EMPTY = new Uint8Array(0);
const RANGES = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  date32: [-(2 ** 31), 2 ** 31 - 1],
};
const ARRAYS = { ...VIEWS, number: Float64Array, bool: Uint8Array, 'row-kind': Uint8Array };
const I64 = [-(2n ** 63n), 2n ** 63n - 1n];
const U64 = [0n, 2n ** 64n - 1n];
/** The powers of ten that a decimal128 of so many digits stays below. */
const POWERS = Array.from({ length: 39 }, (_, digits) => 10n ** BigInt(digits));

const bytes = (array, count) => new Uint8Array(array.buffer, array.byteOffset, count * array.BYTES_PER_ELEMENT);

/** Why a value does not fit, or null: it does. */
export function misfit(type, value) {
  const { kind } = type;
  if (value === null || value === undefined)
    return type.optional ? null : `${value === null ? 'null' : 'missing'}, but it is ${article(type.name)}`;
  if (RANGES[kind]) {
    const [least, most] = RANGES[kind];
    if (!Number.isInteger(value)) return not(type, value);
    return value < least || value > most ? `${value}, which is out of the range of ${type.name} (${least} to ${most})` : null;
  }
  switch (kind) {
    case 'bool':
      return typeof value === 'boolean' ? null : not(type, value);
    case 'float64':
    case 'number':
      return typeof value === 'number' ? null : not(type, value);
    case 'float32':
      if (typeof value !== 'number') return not(type, value);
      return Number.isFinite(value) && !Number.isFinite(Math.fround(value)) ? `${value}, which is out of the range of float32` : null;
    case 'int64':
    case 'event-time':
    case 'timestamp':
      return wholeMisfit(type, value, I64);
    case 'uint64':
      return wholeMisfit(type, value, U64);
    case 'utf8':
      return typeof value === 'string' ? null : not(type, value);
    case 'binary':
      return value instanceof Uint8Array ? null : not(type, value, 'a Uint8Array');
    case 'row-kind':
      return kindOf(value) < 0 ? `${shown(value)}, but it is 'insert', 'update-before', 'update-after' or 'delete'` : null;
    case 'decimal128': {
      if (typeof value !== 'bigint') return not(type, value, 'a bigint, the number without its point');
      const most = POWERS[type.precision];
      return value <= -most || value >= most ? `${value}n, which has more than ${type.precision} digits` : null;
    }
    case 'list': {
      if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && value.length !== undefined)) return not(type, value, 'an array');
      for (let i = 0; i < value.length; i++) {
        const why = misfit(type.item, value[i]);
        if (why !== null) return `a list whose item ${i} is ${why}`;
      }
      return null;
    }
    default: {
      if (typeof value !== 'object') return not(type, value, 'an object');
      for (const key in type.fields) {
        const why = misfit(type.fields[key], value[key]);
        if (why !== null) return `an object whose ${key} is ${why}`;
      }
      for (const key in value) if (!(key in type.fields)) return `an object with ${key}, but it has ${Object.keys(type.fields).join(', ')}`;
      return null;
    }
  }
}

function wholeMisfit(type, value, [least, most]) {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return not(type, value);
    if (!Number.isSafeInteger(value)) return `${value}, which a number does not hold exactly: use a bigint`;
    return value < 0 && least === 0n ? `${value}, which is out of the range of ${type.name}` : null;
  }
  if (typeof value !== 'bigint') return not(type, value);
  return value < least || value > most ? `${value}n, which is out of the range of ${type.name}` : null;
}

const not = (type, value, wanted) => `${shown(value)}, but it is ${wanted ?? article(type.name)}`;
const article = (name) => `${/^[aeio]/.test(name) ? 'an' : 'a'} ${name}`;

/** Throws what refuses the row whose field is no value of its type. */
export function refuseValue(name, type, value) {
  throw new ValueError(`${name} is ${misfit(type, value) ?? `${shown(value)}, which it cannot be`}`);
}

/** A builder of a type. `at` is where the next value goes; `put` takes values that {@link misfit} has let through. */
export class Builder {
  constructor(type, capacity = 16) {
    Object.assign(this, { type, at: 0, capacity: Math.max(capacity, 16), valid: null, a: null, b: null, child: null, children: null });
    const { kind } = type;
    if (kind === 'list') {
      this.a = [0];
      this.child = new Builder(type.item, capacity);
    } else if (kind === 'struct') this.children = Object.entries(type.fields).map(([key, field]) => [key, new Builder(field, capacity)]);
    else if (kind === 'utf8' || kind === 'binary') this.a = new Array(this.capacity);
    else this.allocate();
  }

  allocate() {
    const { kind, bytes: width } = this.type;
    if (ARRAYS[kind]) return this.keep(new ARRAYS[kind](this.capacity));
    if (width === 16) return this.keep(new BigInt64Array(2 * this.capacity));
    this.keep(new Int32Array(2 * this.capacity));
    this.b = new (kind === 'uint64' ? BigUint64Array : BigInt64Array)(this.a.buffer);
  }

  keep(array) {
    if (this.a !== null) array.set(this.a);
    this.a = array;
  }

  /** Makes room for twice as many. */
  grow() {
    this.capacity *= 2;
    if (ArrayBuffer.isView(this.a)) this.allocate();
    if (this.valid !== null) {
      const valid = this.valid;
      this.valid = new Uint8Array(this.capacity).fill(1);
      this.valid.set(valid);
    }
  }

  /** Appends a value. */
  put(value) {
    if (this.at === this.capacity) this.grow();
    if (value === null || value === undefined) this.putNull();
    else this.set(this.at, value);
    this.at++;
  }

  /**
   * Notes a null at a place; a fast writer that puts a value there later says so with `valid[place] = 1`. Where the type has no nulls it
   * is what stands in a row that is not there.
   */
  nullAt(place) {
    if (this.type.optional) {
      if (this.valid === null) this.valid = new Uint8Array(this.capacity).fill(1);
      this.valid[place] = 0;
    }
    if (this.type.kind === 'utf8' || this.type.kind === 'binary') this.a[place] = null;
    else if (this.b !== null) this.a[place + place] = this.a[place + place + 1] = 0;
    else if (ARRAYS[this.type.kind]) this.a[place] = 0;
  }

  putNull() {
    const place = this.at;
    this.nullAt(place);
    if (this.child !== null) this.a.push(this.child.at);
    else if (this.children !== null) for (const [, child] of this.children) child.put(null);
    else if (this.type.bytes === 16) this.a[2 * place] = this.a[2 * place + 1] = 0n;
  }

  set(place, value) {
    if (this.valid !== null) this.valid[place] = 1;
    const { kind } = this.type;
    if (this.child !== null) {
      for (let i = 0; i < value.length; i++) this.child.put(value[i]);
      this.a.push(this.child.at);
    } else if (this.children !== null) {
      for (const [key, child] of this.children) child.put(value[key]);
    } else if (this.b !== null) this.b[place] = BigInt(value);
    else if (kind === 'bool') this.a[place] = value ? 1 : 0;
    else if (kind === 'row-kind') this.a[place] = kindOf(value);
    else if (kind === 'binary') this.a[place] = value.slice();
    else if (kind === 'decimal128') {
      this.a[2 * place] = value;
      this.a[2 * place + 1] = value >> 64n;
    } else this.a[place] = value;
  }

  /** Forgets all values but the first ones. */
  truncate(count) {
    if (this.at <= count) return;
    this.at = count;
    if (this.child !== null) {
      this.a.length = count + 1;
      this.child.truncate(this.a[count]);
    } else if (this.children !== null) for (const [, child] of this.children) child.truncate(count);
  }

  /** Leaves only the values at some places, which ascend. */
  pick(places) {
    if (this.valid !== null)
      places.forEach((place, to) => {
        this.valid[to] = this.valid[place];
      });
    if (this.child !== null) {
      const items = [];
      const ends = [0];
      for (const place of places) {
        for (let item = this.a[place]; item < this.a[place + 1]; item++) items.push(item);
        ends.push(items.length);
      }
      this.a = ends;
      this.child.pick(items);
    } else if (this.children !== null) for (const [, child] of this.children) child.pick(places);
    else if (this.b !== null)
      places.forEach((place, to) => {
        this.b[to] = this.b[place];
      });
    else if (this.type.bytes === 16) places.forEach((place, to) => this.a.copyWithin(2 * to, 2 * place, 2 * place + 2));
    else
      places.forEach((place, to) => {
        this.a[to] = this.a[place];
      });
    this.at = places.length;
  }

  /** Appends the nodes in pre-order. */
  finish(nodes, name) {
    const count = this.at;
    const { kind } = this.type;
    let nullCount = 0;
    let validity = EMPTY;
    if (this.valid !== null) {
      const bits = packed(this.valid, count);
      nullCount = count - ones(bits);
      if (nullCount > 0) validity = bits;
    }
    const node = { length: count, nullCount, buffers: [validity] };
    nodes.push(node);
    if (this.child !== null) {
      node.buffers.push(bytes(new Int32Array(this.a), count + 1));
      this.child.finish(nodes, `${name}: an item`);
    } else if (this.children !== null) for (const [key, child] of this.children) child.finish(nodes, `${name}: ${key}`);
    else if (kind === 'utf8') node.buffers.push(...this.texts(count, name));
    else if (kind === 'binary') node.buffers.push(...this.blobs(count));
    else if (kind === 'bool') node.buffers.push(packed(this.a, count));
    else node.buffers.push(bytes(this.a, this.b !== null || this.type.bytes === 16 ? 2 * count : count));
  }

  texts(count, name) {
    try {
      const { bytes: text, offsets } = bytesOf(this.a, count);
      return [bytes(offsets, count + 1), text];
    } catch (error) {
      throw new ValueError(`${name}: ${error.message}`);
    }
  }

  blobs(count) {
    const offsets = new Int32Array(count + 1);
    for (let i = 0; i < count; i++) offsets[i + 1] = offsets[i] + (this.a[i]?.length ?? 0);
    const all = new Uint8Array(offsets[count]);
    for (let i = 0; i < count; i++) if (this.a[i] !== null) all.set(this.a[i], offsets[i]);
    return [bytes(offsets, count + 1), all];
  }
}

/**
 * How code puts value `v` at place `n` of the arrays `a`, `b` of a builder: `fits` is true only of values that `write` may put there, and
 * false also of some that {@link Builder.put} takes. Null for types that are put value by value.
 */
export function fastPut({ kind, big, bytes: width }, v, n, a, b) {
  const write = `${a}[${n}] = ${v};`;
  if (RANGES[kind]) {
    const [least, most] = RANGES[kind];
    return {
      fits:
        kind === 'uint32'
          ? `(${v} >>> 0) === ${v}`
          : `(${v} | 0) === ${v}${least > -(2 ** 31) ? ` && ${v} >= ${least} && ${v} <= ${most}` : ''}`,
      write,
    };
  }
  if (kind === 'float64' || kind === 'number') return { fits: `(${v} === +${v} || ${v} !== ${v})`, write };
  if (kind === 'float32') return { fits: `typeof ${v} === 'number' && ${v} < 3.4028234e38 && ${v} > -3.4028234e38`, write };
  if (kind === 'bool') return { fits: `(${v} === true || ${v} === false)`, write: `${a}[${n}] = ${v} ? 1 : 0;` };
  if (kind === 'utf8') return { fits: `typeof ${v} === 'string'`, write };
  if (width !== 8) return null;
  if (big)
    return {
      fits: `typeof ${v} === 'bigint' && ${kind === 'uint64' ? 'asUintN' : 'asIntN'}(64, ${v}) === ${v}`,
      write: `${b}[${n}] = ${v};`,
    };
  // Two halves; that above is zero unless it is written, and most values fit in the other.
  return {
    fits: `((${v} >>> 0) === ${v} || ((x = (${v} - (${v} >>> 0)) / 4294967296) | 0) === x && x < 2097152 && ${v} >= ${kind === 'uint64' ? 0 : -9007199254740991} && typeof ${v} === 'number')`,
    write: `${a}[${n} + ${n}] = ${v}; if ((${v} >>> 0) !== ${v}) ${a}[${n} + ${n} + 1] = (${v} - (${v} >>> 0)) / 4294967296;`,
    halves: true,
  };
}
