import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.ts';

test('flights that left are classified', () => {
  const flights = connect(operator, { config: { lateAfterMinutes: 15 } });
  const { main, rejected } = flights.process([20, null, -3, -2000].map((dep_delay) => ({ dep_delay })));
  assert.deepEqual(main, [{ dep_delay: 20, late: true }, { dep_delay: -3, late: false }]);
  assert.deepEqual(rejected, [{ row: 3, reason: 'it left 2000 minutes before its time' }]);
});
