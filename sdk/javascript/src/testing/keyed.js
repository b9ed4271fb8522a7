// Runs a keyed operator as the host does: it keeps the states, the maps and the timers, by key.

import { packed, view } from '../column.js';
import { Stored } from '../state.js';
import { TestMaps } from './maps.js';
import { Results, testInputs } from './table.js';
import { outputsOf, results } from './transform.js';

/** A keyed operator with its states, maps and timers. */
export class KeyedHarness {
  constructor(operator, options) {
    if (!Array.isArray(options.keyBy) || options.keyBy.length === 0)
      throw new TypeError("keyBy names the columns that the rows are keyed by: { keyBy: ['sensor'] }");
    this.inputs = testInputs(operator, options);
    this.operator = operator;
    this.connected = operator.describe(
      options.config,
      this.inputs.map((input) => input.wire),
    );
    this.outputs = outputsOf(operator, this.connected.plan);
    /** By the text of the key: `{ columns, state }`. */
    this.keys = new Map();
    this.maps = new TestMaps(operator.maps);
    this.registered = [];
    this.now = { watermark: null, processingTime: 0 };
  }

  /** Processes one batch. */
  process(rows, name = this.inputs[0].name) {
    const index = this.inputs.findIndex((given) => given.name === name);
    const input = this.inputs[index];
    const keys = rows.map((row) => this.keyOf(input.keys.map((key) => [input.fields[key].key, row[input.fields[key].key]])));
    const batch = input.batch(rows, this.connected.plan.reads[index]);
    const delta = this.call(keys, (keyOfRow, states, host) => this.connected.process(index, batch, keyOfRow, states, this.now, host));
    return results(this.outputs, delta.outputs, delta.rejected, this.inputs, index, rows);
  }

  /** Moves the watermark on (microseconds) and runs the timers that are due by then. */
  advanceTo(watermark) {
    this.now.watermark = watermark;
    return this.fire('event-time', watermark);
  }

  /** Moves the wall clock on (microseconds) and runs the timers that are due by then. */
  advanceProcessingTimeTo(time) {
    this.now.processingTime = time;
    return this.fire('processing-time', time);
  }

  /** In each call the earliest timer of every key, so that what it does to the key's others counts before they come. */
  fire(domain, until) {
    const emitted = new Results(Object.fromEntries(this.outputs.map(({ plan }) => [plan.name, []])), []);
    for (;;) {
      const seen = new Set();
      const due = this.registered
        .filter((timer) => timer.domain === domain && timer.time <= until)
        .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
        .filter(({ key }) => !seen.has(key) && seen.add(key));
      if (due.length === 0) return emitted;
      this.registered = this.registered.filter((timer) => !due.includes(timer));
      const rows = due.map(({ key }) => Object.fromEntries(key.columns));
      const input = this.inputs[0];
      const batch = {
        rows: rows.length,
        columns: input.nodes(rows, input.keys),
        eventTimes: new Uint8Array(0),
        rowKinds: new Uint8Array(0),
      };
      const times = new Uint8Array(BigInt64Array.from(due, ({ time }) => BigInt(time)).buffer);
      const delta = this.call(
        due.map(({ key }) => key),
        (keys, states, host) => this.connected.onTimer({ domain, keys, times }, batch, states, this.now, host),
      );
      emitted.append(results(this.outputs, delta.outputs, delta.rejected, this.inputs, 0, rows));
    }
  }

  /** The states: `{ key, state }` of each key that has one. */
  get states() {
    return [...this.keys.values()]
      .filter(({ state }) => state !== null)
      .map(({ columns, state }) => ({ key: Object.fromEntries(columns), state }));
  }

  /** The timers: `{ key, time, domain }`, the earliest first. */
  get timers() {
    return this.registered
      .map(({ key, time, domain }) => ({ key: Object.fromEntries(key.columns), time, domain }))
      .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }

  /** The entries of a map: `{ of, key, value }`, those of a key in their order. */
  entries(name) {
    return this.maps.entries(name).map(([of, key, value]) => ({ of: Object.fromEntries(of.columns), key, value }));
  }

  /** Brings states of another version in, as a deployment does: `state` is the declaration of theirs, `states` has `{ key, state }`. */
  migrate(fromVersion, state, states) {
    const layout = new Stored(state, 'the old state');
    const keys = states.map(({ key }) => this.keyOf(Object.entries(key)));
    const present = packed(
      states.map(({ state }) => (state === null ? 0 : 1)),
      states.length,
    );
    const nodes = this.connected.migrate(fromVersion, layout.schema, {
      keys: keys.length,
      present,
      columns: layout.write(states.map(({ state }) => state)),
    });
    const row = this.operator.state.read(keys.length, nodes);
    keys.forEach((key, i) => {
      key.state = states[i].state === null ? null : row(i);
    });
  }

  keyOf(columns) {
    const text = JSON.stringify(
      columns.map(([, value]) => (typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value] : (value ?? null))),
    );
    let key = this.keys.get(text);
    if (key === undefined) this.keys.set(text, (key = { columns, state: null }));
    return key;
  }

  call(keys, run) {
    const ofCall = [...new Set(keys)];
    const indices = new Uint8Array(Uint32Array.from(keys, (key) => ofCall.indexOf(key)).buffer);
    const { state } = this.operator;
    const present = packed(
      ofCall.map((key) => (key.state === null ? 0 : 1)),
      ofCall.length,
    );
    const states = { keys: ofCall.length, present, columns: state.write(ofCall.map((key) => key.state)) };
    const delta = run(indices, states, this.maps.host(ofCall));
    const changed =
      delta.changed.tag === 'all'
        ? ofCall
        : delta.changed.tag === 'empty'
          ? []
          : Array.from(view(Uint32Array, delta.changed.val), (key) => ofCall[key]);
    const row = state.read(delta.states.keys, delta.states.columns);
    changed.forEach((key, i) => {
      key.state = delta.states.present.length === 0 || (delta.states.present[i >> 3] >> (i & 7)) & 1 ? row(i) : null;
    });
    this.maps.commit(delta.maps, ofCall);
    const timers = (lists) =>
      lists.flatMap(({ domain, keys: of, times }) =>
        Array.from(view(BigInt64Array, times), (time, i) => ({
          domain,
          key: ofCall[view(Uint32Array, of)[i]],
          time: Number.isSafeInteger(Number(time)) ? Number(time) : time,
        })),
      );
    const is = (a) => (b) => a.domain === b.domain && a.key === b.key && a.time === b.time;
    for (const gone of timers(delta.timers.remove)) this.registered = this.registered.filter((timer) => !is(gone)(timer));
    for (const timer of timers(delta.timers.add)) if (!this.registered.some(is(timer))) this.registered.push(timer);
    return delta;
  }
}
