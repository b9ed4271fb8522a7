// The examples of the guide's page are operators, and its test passes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SDK = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(SDK, '..', '..', 'docs', 'guide', 'javascript.md');

test('the examples of the guide', { skip: existsSync(PAGE) ? false : 'not in a checkout' }, async () => {
  const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/(?:^`([a-z.]+)`:\n\n)?^```js\n([^]*?)^```$/gm)].map(([, name, source]) => ({
    name,
    source,
  }));
  const folder = mkdtempSync(join(tmpdir(), 'weir-guide-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    spawnSync(process.execPath, [join(SDK, 'build.mjs'), '--link', '--project', folder]);
    const names = blocks.map(({ name, source }, i) => {
      const file = name ?? `example${i}.js`;
      writeFileSync(join(folder, file), source);
      return file;
    });
    assert.ok(names.length >= 6, names.join());
    for (const name of names.filter((name) => !name.includes('.test.'))) {
      assert.ok((await import(pathToFileURL(join(folder, name)).href)).default.world, name);
    }
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, ['--test'], { cwd: folder, env, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /pass 1\b/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
