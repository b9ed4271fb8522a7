import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'weir-sdk/testing';

import operator from './operator.js';

test('it does not matter how the rows are cut', () => {
  const spread = connect(operator, { config: { unit: 0.5 } });
  const readings = [3, -1, 2].map((celsius) => ({ celsius }));
  for (let cut = 0; cut <= readings.length; cut++) {
    const { result } = spread.aggregate(readings.slice(0, cut), readings.slice(cut));
    assert.deepEqual(result, { spread: 8 }, `cut at ${cut}`);
  }
});
