// Maps: state per key that is read entry by entry. What the host has is read once and kept for the call; what the operator changes is
// seen by the rows that follow, and goes to the host with the answer. A refused row's changes are taken back.

import { packed, unpacked } from './column.js';
import { compareRows } from './order.js';
import { Stored } from './state.js';
import { checkKeys } from './types.js';

const EMPTY = new Uint8Array(0);
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The maps that an author declared: `{ name: { key: {...}, value: {...} } }`. */
export function declaredMaps(maps = {}) {
  return Object.entries(maps).map(([name, declared]) => {
    checkKeys(declared, ['key', 'value'], `the map ${name}`);
    const { key, value } = declared;
    if (!NAME.test(name)) throw new TypeError(`maps: ${name} is no name of a map: 1 to 64 ASCII letters, digits, - and _`);
    const keys = new Stored(key, `the map ${name}: its key`);
    if (keys.fields.length === 0) throw new TypeError(`maps: ${name} has no key`);
    return { name, keys, values: new Stored(value ?? {}, `the map ${name}: its value`) };
  });
}

/** One map during a call, as the rows see it; `at` says of which key and for which row. */
export class CallMap {
  constructor({ name, keys, values }, index, at) {
    Object.assign(this, { name, keys, values, index, at });
    this.begin(null);
  }

  begin(host) {
    this.host = host;
    /** By key of the call: entries by the text of their keys: `{ key, value (undefined: not there), isChanged }`. */
    this.entries = new Map();
    this.undoes = [];
    this.wanted = [];
  }

  /** The value of an entry; undefined: it is not there. */
  get(key) {
    const { value } = this.entry(key);
    return value === undefined ? undefined : this.values.shape.copy(value);
  }

  /** Whether an entry is there. */
  has(key) {
    return this.entry(key).value !== undefined;
  }

  /** Sets an entry. */
  set(key, value = {}) {
    this.values.shape.check(value);
    this.change(key, this.values.shape.copy(value));
  }

  /** Removes an entry, if it is there. */
  delete(key) {
    this.change(key, undefined);
  }

  /**
   * The first entries of a range, at most `limit`, as `[key, value]` in the order of their keys. `from` and `to` belong to it, `after` and
   * `before` do not.
   */
  scan({ from, after, to, before, limit = Infinity } = {}) {
    for (const bound of [from, after, to, before]) if (bound !== undefined) this.keys.shape.check(bound);
    const compare = (a, b) => compareRows(this.keys.fields, a, b);
    const inRange = (key) =>
      (from === undefined || compare(key, from) >= 0) &&
      (after === undefined || compare(key, after) > 0) &&
      (to === undefined || compare(key, to) <= 0) &&
      (before === undefined || compare(key, before) < 0);
    const low = from ?? after;
    const high = to ?? before;
    if (
      low !== undefined &&
      high !== undefined &&
      (compare(low, high) > 0 || (compare(low, high) === 0 && (after !== undefined || before !== undefined)))
    )
      return [];
    const changed = [...this.ofKey().values()]
      .filter((entry) => entry.isChanged && inRange(entry.key))
      .sort((a, b) => compare(a.key, b.key));
    const found = [];
    const page = this.pages(from, after, to, before, limit);
    let mine = 0;
    let theirs = page.next();
    while (found.length < limit) {
      const own = changed[mine];
      if (theirs.done && own === undefined) break;
      const order = theirs.done ? 1 : own === undefined ? -1 : compare(theirs.value[0], own.key);
      // What the host has of a changed entry no longer counts.
      if (order < 0) found.push(theirs.value);
      else {
        mine++;
        if (own.value !== undefined) found.push([this.keys.shape.copy(own.key), this.values.shape.copy(own.value)]);
      }
      if (order <= 0) theirs = page.next();
    }
    return found;
  }

  /** What the host has between two bounds, entry by entry. */
  *pages(from, after, to, before, limit) {
    const bound = (included, excluded) => {
      if (included === undefined && excluded === undefined) return { tag: 'unbounded' };
      return { tag: included === undefined ? 'excluded' : 'included', val: this.keys.write([included ?? excluded]) };
    };
    let lower = bound(from, after);
    const upper = bound(to, before);
    for (;;) {
      const page = this.host.scan(this.index, this.at.key, lower, upper, Math.min(limit, 4096));
      const key = this.keys.read(page.entries, page.entryKeys);
      const value = this.values.read(page.entries, page.values);
      const entries = Array.from({ length: page.entries }, (_, i) => [key(i), value(i)]);
      yield* entries;
      if (!page.more || entries.length === 0) return;
      lower = bound(undefined, entries[entries.length - 1][0]);
    }
  }

  /** Names an entry that the row will look at. */
  want(key) {
    this.keys.shape.check(key);
    this.wanted.push([this.at.key, this.keys.shape.copy(key)]);
  }

  /** Reads the entries that were named, as far as the host gives them at once. */
  prefetch() {
    const wanted = new Map(this.wanted.map(([key, entryKey]) => [`${key} ${this.keys.shape.text(entryKey)}`, [key, entryKey]]));
    if (wanted.size === 0) return;
    let values;
    try {
      values = this.ofHost([...wanted.values()]);
    } catch {
      return; // Too much at once: each row reads its own.
    }
    [...wanted.values()].forEach(([key, entryKey], i) =>
      this.ofKey(key).set(this.keys.shape.text(entryKey), { key: entryKey, value: values[i], isChanged: false }),
    );
  }

  ofHost(wanted) {
    const keys = new Uint8Array(Uint32Array.from(wanted, ([key]) => key).buffer);
    const found = this.host.get(this.index, keys, this.keys.write(wanted.map(([, entryKey]) => entryKey)));
    const there = found.present.length === 0 ? null : unpacked(found.present, wanted.length);
    const value = this.values.read(wanted.length, found.values);
    return wanted.map((_, i) => (there === null || there[i] === 1 ? value(i) : undefined));
  }

  ofKey(key = this.at.key) {
    let entries = this.entries.get(key);
    if (entries === undefined) this.entries.set(key, (entries = new Map()));
    return entries;
  }

  entry(key) {
    this.keys.shape.check(key);
    const text = this.keys.shape.text(key);
    const entries = this.ofKey();
    let entry = entries.get(text);
    if (entry === undefined) {
      const [value] = this.ofHost([[this.at.key, key]]);
      entries.set(text, (entry = { key: this.keys.shape.copy(key), value, isChanged: false }));
    }
    return entry;
  }

  change(key, value) {
    this.keys.shape.check(key);
    const text = this.keys.shape.text(key);
    const entries = this.ofKey();
    this.undoes.push({ row: this.at.row, entries, text, before: entries.get(text) });
    entries.set(text, { key: this.keys.shape.copy(key), value, isChanged: true });
  }

  /** Takes back what a row did; rows come in order. */
  undo(row) {
    while (this.undoes.length > 0 && this.undoes[this.undoes.length - 1].row === row) {
      const { entries, text, before } = this.undoes.pop();
      if (before === undefined) entries.delete(text);
      else entries.set(text, before);
    }
  }

  /** What changed; null: nothing. */
  finish() {
    if (this.undoes.length === 0) return null;
    const changed = [...this.entries].flatMap(([key, entries]) =>
      [...entries.values()].filter(({ isChanged }) => isChanged).map((entry) => ({ ...entry, of: key })),
    );
    if (changed.length === 0) return null;
    return {
      mapIndex: this.index,
      keys: new Uint8Array(Uint32Array.from(changed, ({ of }) => of).buffer),
      entryKeys: this.keys.write(changed.map(({ key }) => key)),
      present: changed.every(({ value }) => value !== undefined)
        ? EMPTY
        : packed(
            changed.map(({ value }) => (value === undefined ? 0 : 1)),
            changed.length,
          ),
      values: this.values.write(changed.map(({ value }) => value ?? null)),
    };
  }
}
