// Timers that an operator registers and deletes during a call.

import { misfit } from './builder.js';
import { ValueError } from './column.js';
import { parseType, shown } from './types.js';

const EMPTY = new Uint8Array(0);
const TIME = parseType('timestamp');
const DOMAINS = ['event-time', 'processing-time'];

/** The timers of the row's key; `at` says which row and which key. A timer is its time, in microseconds: registering it twice is registering it once. */
export class Timers {
  constructor(at) {
    this.at = at;
    this.changes = [];
  }

  /** Calls `onTimer` once the watermark has reached `time`. */
  register(time) {
    this.change(DOMAINS[0], time, true);
  }

  /** Forgets a timer of `register`. */
  delete(time) {
    this.change(DOMAINS[0], time, false);
  }

  /** Calls `onTimer` once the wall clock has reached `time`; at once, if it is past. At the end of the input it is not called. */
  registerProcessingTime(time) {
    this.change(DOMAINS[1], time, true);
  }

  /** Forgets a timer of `registerProcessingTime`. */
  deleteProcessingTime(time) {
    this.change(DOMAINS[1], time, false);
  }

  change(domain, time, register) {
    if (misfit(TIME, time) !== null) throw new ValueError(`the time of a timer is ${shown(time)}; it is a number of microseconds`);
    const { row, key } = this.at;
    this.changes.push({ row, domain, key, time: BigInt(time), register });
  }

  /** Takes back what a row did; rows come in order. */
  undo(row) {
    while (this.changes.length > 0 && this.changes[this.changes.length - 1].row === row) this.changes.pop();
  }

  /** As the host applies them, deletions first: so what was deleted after it was registered is not registered. */
  finish() {
    const last = new Map();
    for (const change of this.changes) last.set(`${change.domain} ${change.key} ${change.time}`, change);
    const lists = (register) =>
      DOMAINS.map((domain) => {
        const mine = [...last.values()].filter((change) => change.domain === domain && change.register === register);
        return {
          domain,
          keys: bytes(Uint32Array.from(mine, ({ key }) => key)),
          times: bytes(BigInt64Array.from(mine, ({ time }) => time)),
        };
      }).filter(({ keys }) => keys.length > 0);
    return this.changes.length === 0 ? { add: [], remove: [] } : { add: lists(true), remove: lists(false) };
  }
}

const bytes = (array) => (array.length === 0 ? EMPTY : new Uint8Array(array.buffer));
