// Why a row was refused, in JavaScript's own words: the message, the author's file and line, and the function. It knows the two forms
// of stack traces: that of the engine in a component, whose lines are in the bundle, and that of Node in tests.

import { ValueError } from './column.js';
import { shown } from './types.js';

/** A row that an operator refuses on purpose. Its message alone is the reason. */
export class RowError extends Error {
  get name() {
    return 'RowError';
  }
}

/** In a component: gives the places of the bundle in the author's files, as the build has found them. */
let ofComponent = null;

/** Tells where to find the places of the bundle: `{ files, at: [line, column, file (-1: not the author's), line of the file, ...] }`. */
export function usePlaces(find) {
  ofComponent = find;
}

const SDK = typeof import.meta.url === 'string' ? import.meta.url.replace(/src\/failure\.js$/, '') : null;
const FRAME = /^\s*at (?:(?:async |new )?([^\s(]+) )?\(?(.*?):(\d+):(\d+)\)?\s*$/;

/** The author's frame that an error comes from: `{ file, line, name }`. */
export function frameOf(error, placesOf = ofComponent) {
  for (const text of String(error.stack ?? '').split('\n')) {
    const found = FRAME.exec(text);
    if (!found) continue;
    const [, name, file, line, column] = found;
    const at = placesOf === null ? ofFile(file, line) : ofBundle(placesOf(), file, +line, +column);
    if (at) return { ...at, name: name && !/^(<|Object\.|Array\.|file:)/.test(name) && name !== 'call' ? name.replace(/^.*\./, '') : null };
  }
  return null;
}

function ofFile(file, line) {
  if (!file.startsWith('file:') && !file.startsWith('/')) return null;
  if (SDK !== null && file.startsWith(SDK) && !/\/(tests|samples)\//.test(file.slice(SDK.length - 1))) return null;
  const path = decodeURIComponent(file.replace(/^file:\/\//, ''));
  const from = `${globalThis.process?.cwd() ?? ''}/`;
  return { file: path.startsWith(from) ? path.slice(from.length) : path, line: +line };
}

/** The author's place of one in the bundle; null: it is not the author's. */
export function ofBundle({ files, at }, bundle, line, column) {
  // Code that was made for the operator's columns has other names, such as <input>.
  if (!/\.m?js$/.test(bundle)) return null;
  let [low, high] = [0, at.length / 4];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[4 * middle] < line || (at[4 * middle] === line && at[4 * middle + 1] <= column)) low = middle + 1;
    else high = middle;
  }
  const entry = 4 * (low - 1);
  if (low === 0 || at[entry] !== line || at[entry + 2] < 0) return null;
  return { file: files[at[entry + 2]], line: at[entry + 3] };
}

/** What a person needs to know of something that was thrown while `doing` something. */
export function reasonOf(error, doing) {
  if (error instanceof RowError || error instanceof ValueError) return error.message;
  if (!(error instanceof Error)) return `${typeof error === 'string' ? error : shown(error)} (thrown in ${doing})`;
  const at = frameOf(error);
  const what = `${error.name}: ${error.message}`;
  return at ? `${what} (${at.file}:${at.line}, in ${at.name ?? doing})` : `${what} (in ${doing})`;
}
