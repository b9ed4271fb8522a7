// Operators with state, maps and timers per key.

import { ValueError, view } from './column.js';
import { operatorCode, rowFunction } from './compile.js';
import { reasonOf } from './failure.js';
import { CallMap, declaredMaps } from './maps.js';
import { declaredOutputs, Outputs } from './outputs.js';
import { declaredReads, openFields, Reads, Refused } from './rows.js';
import { findColumns } from './schema.js';
import { OldStates, Slots, Stored } from './state.js';
import { Timers } from './timers.js';
import { connectInputs, Context, declaredInputs, Operator } from './transform.js';
import { checkKeys } from './types.js';

/** What a row's or a timer's function sees: its key, the key's state, maps and timers, and the clocks. */
class KeyContext extends Context {
  constructor(config, outputs, call) {
    super(config, outputs);
    this.call = call;
    this.timers = call.timers;
    this.maps = call.maps;
  }

  /** The key columns that the operator declares. */
  get key() {
    return this.call.keyRow(this.call.row);
  }

  /** The state of the key; null: it has none. Change it or set another; null removes it. */
  get state() {
    return this.call.slot().now;
  }

  set state(state) {
    this.call.states.set(state);
  }

  /** Microseconds; null before the first watermark. */
  get watermark() {
    return this.call.now.watermark;
  }

  /** The wall clock, as the engine sees it: microseconds. */
  get processingTime() {
    return this.call.now.processingTime;
  }
}

/** Declares a keyed operator; see `index.d.ts`. */
export class Keyed extends Operator {
  constructor(declared, steps) {
    super('keyed', declared);
    if (typeof steps !== 'function') checkKeys(steps, ['process', 'onTimer', 'prefetch', 'migrate'], 'the second argument of keyed');
    const { process, onTimer, prefetch, migrate } = typeof steps === 'function' ? { process: steps } : (steps ?? {});
    this.inputs = declaredInputs(declared, process, 'process');
    this.outputs = declaredOutputs(declared);
    this.state = new Stored(declared.state ?? {}, 'the state');
    this.hasState = this.state.fields.length > 0;
    this.version = declared.version ?? 1;
    this.maps = declaredMaps(declared.maps);
    this.key = declaredReads(declared.key ?? {}, 'key');
    Object.assign(this, { onTimer, prefetch, migrate });
  }

  connect(config, inputs) {
    const connected = connectInputs(this.inputs, inputs);
    const reads = connected.map(({ fields }, i) => new Reads(fields, inputs[i], config));
    const call = new Call(this, config, new Outputs(this.outputs, inputs));
    const keyFields = inputs.map((input, i) => {
      const fields = findColumns(this.key, input.columns, config, `input ${JSON.stringify(input.name)}`);
      reads[i].want(fields);
      return fields;
    });
    const keyColumns = Array.from(inputs[0].keys, (index) => inputs[0].columns[index]);
    const timerKeys = findKeys(this.key, keyColumns, config, this.onTimer !== undefined);
    const plan = {
      reads: reads.map(({ indices }) => Uint32Array.from(indices)),
      readsEventTimes: reads.some((read) => read.eventTimes),
      outputs: call.outputs.plans,
      state: { version: this.version, columns: this.state.schema },
      maps: this.maps.map(({ name, keys, values }) => ({ name, key: keys.schema, value: values.schema })),
    };
    const { context } = call;
    const refuse = (row, error) => call.refuse(row, error);
    // The last "input" are the timers.
    const steps = [...connected.map(({ step }) => step), (_, ctx) => this.onTimer(call.timer(), ctx)];
    const code = operatorCode([...reads.map(({ fields }) => fields), []], call.outputs.all, {
      steps,
      context,
      refuse,
      shape: this.state.shape,
    });
    call.use(code);
    context.emit = call.outputs.emit;
    const fire = code.runs[inputs.length];
    const keyRows = keyFields.map((fields) => rowFunction(fields));
    const timerKeyRow = timerKeys && rowFunction(timerKeys);
    const inputRows = this.prefetch && reads.map(({ fields }) => rowFunction(fields));
    const process = (input, batch, keyOfRow, states, now, host) => {
      const read = reads[input];
      call.begin(batch.rows, keyOfRow, states, now, host, 'process');
      context.input = inputs[input].name;
      const columns = read.open(batch);
      const keys = read.open(batch, keyFields[input]);
      call.refused.refuseNulls(read.fields, columns, batch.rows);
      call.refused.refuseNulls(keyFields[input], keys, batch.rows);
      keyRows[input].bind(keys);
      call.keyRow = keyRows[input].row;
      if (inputRows) {
        inputRows[input].bind(columns);
        call.prefetch((row, ctx) => this.prefetch(inputRows[input].row(row), ctx));
      }
      code.runs[input](columns, batch.rows, call.refused.skip);
      return call.finish();
    };
    const onTimer = (due, batch, states, now, host) => {
      call.begin(batch.rows, due.keys, states, now, host, 'onTimer');
      // Another version of the operator may have registered it.
      if (!this.onTimer) return call.finish();
      call.due = { domain: due.domain, times: view(BigInt64Array, due.times) };
      context.input = null;
      const keys = openFields(
        timerKeys,
        keyColumns.map((_, i) => i),
        keyColumns,
        batch,
      );
      call.refused.refuseNulls(timerKeys, keys, batch.rows);
      timerKeyRow.bind(keys);
      call.keyRow = timerKeyRow.row;
      fire([], batch.rows, call.refused.skip);
      return call.finish();
    };
    const migrate = (fromVersion, layout, states) => {
      const old = new OldStates(this.state, fromVersion, layout, states);
      const rows = this.migrate ? Array.from(this.migrate(fromVersion, old, config), (row) => row ?? null) : old.readWhole();
      if (rows.length !== states.keys) throw new ValueError(`migrating ${states.keys} states gave ${rows.length}`);
      for (const row of rows) if (row !== null) this.state.shape.check(row);
      return this.state.write(rows);
    };
    return { plan, process, onTimer, migrate };
  }
}

function findKeys(fields, columns, config, needed) {
  if (!needed) return null;
  try {
    return findColumns(fields, columns, config);
  } catch (error) {
    throw new ValueError(`among the columns that the input is keyed by: ${error.message}`);
  }
}

/** A call of `process` or `on-timer`. */
class Call {
  constructor({ state, maps }, config, outputs) {
    Object.assign(this, { stored: state, outputs, maps: {} });
    this.timers = new Timers(this);
    maps.forEach((map, index) => {
      this.maps[map.name] = new CallMap(map, index, this);
    });
    this.allMaps = Object.values(this.maps);
    this.context = new KeyContext(config, outputs, this);
  }

  /** Takes the code that was made for the operator. */
  use(code) {
    this.outputs.use(code);
    this.states = code.states;
    this.slot = code.states.slot;
  }

  /** The row (or timer) that is being processed, and the index of its key. */
  get row() {
    return this.states.row;
  }

  get key() {
    return this.states.key;
  }

  begin(rows, keyOfRow, states, now, host, doing) {
    Object.assign(this, { rows, doing, now: { watermark: clock(now.watermark), processingTime: clock(now.processingTime) } });
    this.slots = new Slots(this.stored, states);
    this.states.begin(this.slots, view(Uint32Array, keyOfRow));
    this.refused = new Refused();
    this.outputs.begin();
    this.timers.changes = [];
    for (const map of this.allMaps) map.begin(host);
  }

  refuse(row, error) {
    this.outputs.undo(row);
    this.timers.undo(row);
    for (const map of this.allMaps) map.undo(row);
    this.states.undo();
    this.refused.refuse(row, reasonOf(error, this.doing), this.rows);
  }

  timer() {
    return { time: time(this.due.times[this.row]), domain: this.due.domain };
  }

  prefetch(of) {
    const entries = {};
    for (const map of this.allMaps) entries[map.name] = (key) => map.want(key);
    const ctx = Object.defineProperty({ config: this.context.config, entries }, 'key', { get: () => this.keyRow(this.row) });
    for (let row = 0; row < this.rows; row++) {
      if (this.refused.has(row)) continue;
      this.states.row = row;
      try {
        of(row, ctx);
      } catch {
        // What a row cannot name ahead it reads itself; if it fails there it is refused.
      }
    }
    for (const map of this.allMaps) map.prefetch();
  }

  finish() {
    const { changed, states } = this.slots.changes();
    return {
      outputs: this.outputs.finish(this.rows),
      rejected: this.refused.failures,
      changed,
      states,
      maps: this.allMaps.map((map) => map.finish()).filter((changes) => changes !== null),
      timers: this.timers.finish(),
    };
  }
}

/** Microseconds as a number. A timer beyond what a number holds exactly (the year 2255) is a bigint. */
function time(microseconds) {
  if (microseconds === null || microseconds === undefined) return null;
  const value = Number(microseconds);
  return Number.isSafeInteger(value) ? value : microseconds;
}

/** The time of a clock, which a component gets as a number: beyond what that holds exactly it is beyond all times. */
function clock(microseconds) {
  const value = time(microseconds);
  return value === null || Number.isSafeInteger(value) ? value : value > 0 ? Infinity : -Infinity;
}
