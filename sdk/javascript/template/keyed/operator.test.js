import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.js';

test('a jump and then silence', () => {
  const jumps = connect(operator, {
    config: { degrees: 2, silenceSeconds: 1 },
    schema: { sensor: 'uint32', celsius: 'float64', at: 'event-time' },
    keyBy: ['sensor'],
  });
  const reading = (sensor, celsius, seconds) => ({ sensor, celsius, at: seconds * 1_000_000 });
  const { main } = jumps.process([reading(1, 20, 0), reading(2, 30, 0), reading(1, 25, 1), reading(2, 31, 1)]);
  assert.deepEqual(main, [{ sensor: 1, celsius: 25, degrees: 5 }]);

  const { outputs } = jumps.advanceTo(2_000_000);
  assert.deepEqual(outputs.silent, [{ sensor: 1 }, { sensor: 2 }]);
  assert.deepEqual(jumps.states, []);
});
