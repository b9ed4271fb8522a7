import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.ts';

test('it does not matter how the rows are cut', () => {
  const spread = connect(operator, { config: { unitMinutes: 20 } });
  const flights = [30, null, -10, 20].map((dep_delay) => ({ dep_delay }));
  for (let cut = 0; cut <= flights.length; cut++) {
    const { result } = spread.aggregate(flights.slice(0, cut), flights.slice(cut));
    assert.deepEqual(result, { spread: 2 }, `cut at ${cut}`);
  }
});
