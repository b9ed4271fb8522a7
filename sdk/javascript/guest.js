// What a component exports: the functions of its world over the author's operator. The entry that `build.mjs` writes calls it.

import { reasonOf, usePlaces } from './src/failure.js';
import { useHost } from './src/telemetry.js';

/**
 * The exports of a component. `places` gives where lines of the bundle come from.
 */
export function guest(operator, { log: hostLog, metrics, maps }, places) {
  useHost({ log: hostLog, metrics });
  usePlaces(places);
  let connected = null;
  // What is thrown over the boundary is the error of the result: a text.
  const run = (doing, call) => {
    try {
      if (connected === null && doing !== 'describe' && doing !== 'about') throw new Error('describe must be called before anything else');
      return call();
    } catch (error) {
      throw reasonOf(error, doing);
    }
  };
  const host = maps && { get: said(maps.get), scan: said(maps.scan) };
  const exports = {
    about: () => run('about', () => operator.about()),
    describe: (config, inputs) =>
      run('describe', () => {
        connected = operator.describe(config, inputs);
        return connected.plan;
      }),
  };
  const forward = (name, ...more) => {
    exports[name] = (...given) => run(name, () => connected[name](...given, ...more));
  };
  if (operator.world === 'transform') forward('process');
  else if (operator.world === 'keyed') (['process', 'onTimer'].forEach((name) => forward(name, host)), forward('migrate'));
  else ['accumulate', 'merge', 'finish'].forEach((name) => forward(name));
  return exports;
}

/** A function of the host whose errors are texts. */
const said =
  (call) =>
  (...given) => {
    try {
      return call(...given);
    } catch (error) {
      throw error instanceof Error ? error : new Error(String(error));
    }
  };
