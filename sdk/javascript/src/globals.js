// What Node has and the engine of a component lacks, as far as it makes sense in one; and neither a clock nor chance. Only the entry of
// a component imports this, before the author's module.

import { log } from './telemetry.js';
import { bytesOfText, textOf } from './text.js';

const none = (what, instead) => () => {
  throw new Error(`an operator has no ${what}: ${instead}`);
};

globalThis.console = { ...log, log: log.info };
const clock = none('clock', 'use an event time, ctx.watermark or ctx.processingTime');
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, own) => (given.length === 0 ? clock() : Reflect.construct(target, given, own)),
  apply: clock,
  get: (target, key) => (key === 'now' ? clock : Reflect.get(target, key)),
});
Object.defineProperty(RealDate.prototype, 'constructor', { value: globalThis.Date, writable: true, configurable: true });
Math.random = none('randomness', 'the same input must give the same output');
globalThis.performance = undefined;
globalThis.TextDecoder = class TextDecoder {
  decode(bytes = new Uint8Array(0)) {
    return textOf(bytes);
  }
};
globalThis.TextEncoder = class TextEncoder {
  encode(text = '') {
    return bytesOfText(String(text));
  }
};
globalThis.structuredClone ??= (value) => JSON.parse(JSON.stringify(value));
