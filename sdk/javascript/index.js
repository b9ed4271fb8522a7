// Write a Weir operator in JavaScript or TypeScript: `export default transform({ reads, emits }, (row, ctx) => ...)`. What each function
// takes is in `index.d.ts`.

import { Aggregate } from './src/aggregate.js';
import { MapOf, OneOf } from './src/config.js';
import { RowError } from './src/failure.js';
import { Keyed } from './src/keyed.js';
import { From, Kept, KeptAll } from './src/schema.js';
import { Transform } from './src/transform.js';
import { optional } from './src/types.js';
import { log, metrics } from './src/telemetry.js';

export const transform = (declared, step) => new Transform(declared, step);
transform.columns = (declared, step) => new Transform(declared, step, true);
export const keyed = (declared, steps) => new Keyed(declared, steps);
export const aggregate = (declared, steps) => new Aggregate(declared, steps);

/** In `emits`: the host carries this column over; `keep` is it under its own name, `keep('price')` under a new one. */
export const keep = Object.setPrototypeOf((from) => new Kept(from), Kept.prototype);
/** In `emits`, spread: all columns of the input. A column of the same name replaces one of them in its place. */
export const keepAll = { '*': new KeptAll() };
/** As `keepAll`, without some columns. */
export const keepAllBut = (...names) => ({ '*': new KeptAll(names) });
/** In `reads`: a field that is read from a column of another name, which the configuration may say. */
export const column = (name, type) => new From(name, type);
/** In `config`: one of some texts. */
export const oneOf = (...choices) => new OneOf(choices);
/** In `config`: keys that the pipeline file chooses, with values of a type. */
export const mapOf = (value) => new MapOf(value);

export { log, metrics, optional, RowError };
