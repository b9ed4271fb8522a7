// The maps of a keyed operator under test, as the host keeps them.

import { packed, view } from '../column.js';
import { compareRows } from '../order.js';

/** The host gives few entries at a time, so that a test meets pages. */
const PAGE = 3;

/** All maps: entries as `[key of the stream, key, value]`. */
export class TestMaps {
  constructor(declared) {
    this.maps = declared.map((map) => ({ ...map, entries: [] }));
  }

  entries(name) {
    const map = this.maps.find((each) => each.name === name);
    if (map === undefined) throw new Error(`there is no map ${JSON.stringify(name)}`);
    return map.entries;
  }

  /** What a call with these keys may ask. */
  host(ofCall) {
    return {
      get: (index, keyBytes, entryKeys) => {
        const { keys, values, entries } = this.maps[index];
        const of = view(Uint32Array, keyBytes);
        const key = keys.read(of.length, entryKeys);
        const found = Array.from(of, (stream, i) => {
          const wanted = key(i);
          return (
            entries.find(([mine, entryKey]) => mine === ofCall[stream] && compareRows(keys.fields, entryKey, wanted) === 0)?.[2] ?? null
          );
        });
        return {
          present: packed(
            found.map((value) => (value === null ? 0 : 1)),
            found.length,
          ),
          values: values.write(found),
        };
      },
      scan: (index, key, lower, upper, limit) => {
        const { keys, values, entries } = this.maps[index];
        const bound = ({ tag, val }) => (tag === 'unbounded' ? null : keys.read(1, val)(0));
        const [low, high] = [bound(lower), bound(upper)];
        const order = (a, b) => compareRows(keys.fields, a, b);
        const inside = entries.filter(
          ([of, entryKey]) =>
            of === ofCall[key] &&
            (low === null || order(entryKey, low) > (lower.tag === 'included' ? -1 : 0)) &&
            (high === null || order(entryKey, high) < (upper.tag === 'included' ? 1 : 0)),
        );
        const page = inside.slice(0, Math.min(limit, PAGE));
        return {
          entries: page.length,
          entryKeys: keys.write(page.map(([, entryKey]) => entryKey)),
          values: values.write(page.map(([, , value]) => value)),
          more: page.length < inside.length,
        };
      },
    };
  }

  /** Applies the changes of a call. */
  commit(changes, ofCall) {
    for (const { mapIndex, keys: keyBytes, entryKeys, present, values: nodes } of changes) {
      const map = this.maps[mapIndex];
      const of = view(Uint32Array, keyBytes);
      const key = map.keys.read(of.length, entryKeys);
      const value = map.values.read(of.length, nodes);
      of.forEach((stream, i) => {
        const entryKey = key(i);
        map.entries = map.entries.filter(([mine, other]) => mine !== ofCall[stream] || compareRows(map.keys.fields, other, entryKey) !== 0);
        if (present.length === 0 || (present[i >> 3] >> (i & 7)) & 1) map.entries.push([ofCall[stream], entryKey, value(i)]);
      });
      map.entries.sort((a, b) => compareRows(map.keys.fields, a[1], b[1]));
    }
  }
}
