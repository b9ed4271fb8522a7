// User-defined aggregates for windows.

import { unpacked, ValueError, view } from './column.js';
import { operatorCode } from './compile.js';
import { reasonOf } from './failure.js';
import { Outputs } from './outputs.js';
import { declaredOutput } from './schema.js';
import { declaredReads, Reads, Refused } from './rows.js';
import { Stored } from './state.js';
import { Context, Operator } from './transform.js';
import { checkKeys } from './types.js';

/** Declares an aggregate; see `index.d.ts`. */
export class Aggregate extends Operator {
  constructor(declared, steps) {
    super('aggregate', declared);
    checkKeys(steps, ['accumulate', 'merge', 'finish'], 'the second argument of aggregate');
    const { accumulate, merge, finish } = steps ?? {};
    for (const [name, step] of Object.entries({ accumulate, merge, finish })) {
      if (typeof step !== 'function') throw new TypeError(`an aggregate has a function ${name}`);
    }
    this.reads = declaredReads(declared.reads ?? {}, 'reads');
    this.accumulator = new Stored(declared.accumulator ?? {}, 'the accumulator');
    this.result = new Stored(declared.emits ?? {}, 'emits');
    this.version = declared.version ?? 1;
    this.start = Object.fromEntries(this.accumulator.fields.map(({ key, type }) => [key, startOf(type)]));
    Object.assign(this, { accumulate, merge, finish, output: declaredOutput('main', declared.emits) });
  }

  connect(config, inputs) {
    if (inputs.length !== 1) throw new ValueError(`the operator has one input, and is connected to ${inputs.length}`);
    const reads = new Reads(this.reads, inputs[0], config);
    const { accumulator: stored, result } = this;
    const plan = {
      reads: [Uint32Array.from(reads.indices)],
      readsEventTimes: reads.eventTimes,
      outputs: new Outputs([this.output], inputs).plans,
      state: { version: this.version, columns: stored.schema },
      maps: [],
    };
    const fresh = () => stored.shape.copy(this.start);
    const read = ({ keys, present, columns }) => {
      const there = present.length === 0 ? null : unpacked(present, keys);
      const row = stored.read(keys, columns);
      return Array.from({ length: keys }, (_, group) => (there === null || there[group] === 1 ? row(group) : fresh()));
    };
    const write = (groups) => {
      for (const group of groups) {
        stored.shape.check(group);
        stored.shape.sealed(group);
      }
      return stored.write(groups);
    };
    let refused;
    let rows;
    const context = new Context(config, null);
    const step = (row, ctx) => {
      const slot = code.states.slot();
      const changed = this.accumulate(slot.now, row, ctx);
      if (changed !== undefined) code.states.set(changed);
    };
    const refuse = (row, error) => {
      code.states.undo();
      refused.refuse(row, reasonOf(error, 'accumulate'), rows);
    };
    const code = operatorCode([reads.fields], [], { steps: [step], context, refuse, shape: stored.shape });
    const accumulate = (batch, groupOfRow, accumulators) => {
      ({ rows } = batch);
      refused = new Refused();
      const slots = read(accumulators).map((now) => ({ now: Object.preventExtensions(now) }));
      const missing = (group) => {
        throw new ValueError(`a row has group ${group}, but the call has ${slots.length} groups`);
      };
      code.states.begin({ slots, get: missing }, view(Uint32Array, groupOfRow));
      const columns = reads.open(batch);
      refused.refuseNulls(reads.fields, columns, rows);
      code.runs[0](columns, rows, refused.skip);
      return { accumulators: write(slots.map(({ now }) => now)), rejected: refused.failures };
    };
    const merge = (left, right) => {
      const others = read(right);
      return write(read(left).map((group, i) => this.merge(group, others[i], context) ?? group));
    };
    const finish = (accumulators) => {
      const rows = read(accumulators).map((group) => this.finish(group, context));
      for (const row of rows) result.shape.check(row ?? null);
      return result.write(rows);
    };
    return { plan, accumulate, merge, finish };
  }
}

/** What a field of a new accumulator is: null where it may be, else zero, empty or false. */
function startOf(type) {
  if (type.optional) return null;
  if (type.item) return [];
  if (type.fields) return Object.fromEntries(Object.entries(type.fields).map(([key, field]) => [key, startOf(field)]));
  if (type.kind === 'utf8') return '';
  if (type.kind === 'binary') return new Uint8Array(0);
  if (type.kind === 'bool') return false;
  return type.big ? 0n : 0;
}
