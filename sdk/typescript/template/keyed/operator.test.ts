import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.ts';

const MINUTE = 60_000_000;

test('a jump and then silence', () => {
  const jumps = connect(operator, {
    config: { minutes: 30, silenceMinutes: 60 },
    schema: { carrier: 'utf8', dep_delay: 'int64', departed: 'event-time' },
    keyBy: ['carrier'],
  });
  const flight = (carrier: string, dep_delay: number, minute: number) => ({ carrier, dep_delay, departed: minute * MINUTE });
  const { main } = jumps.process([flight('UA', 0, 0), flight('AA', 5, 0), flight('UA', 40, 10), flight('AA', 6, 10)]);
  assert.deepEqual(main, [{ carrier: 'UA', dep_delay: 40, jump: 40 }]);

  const { outputs } = jumps.advanceTo(70 * MINUTE);
  assert.deepEqual(outputs.silent, [{ carrier: 'UA' }, { carrier: 'AA' }]);
  assert.deepEqual(jumps.states, []);
});
