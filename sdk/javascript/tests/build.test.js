// The templates, the bindings, and what the build says. Components are built only where WEIR_JAVASCRIPT_TOOLCHAIN names a toolchain's folder.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { areCurrent, REPOSITORY } from '../bindings.mjs';
import { placesOf } from '../src/build/places.mjs';

const SDK = fileURLToPath(new URL('..', import.meta.url)).replace(/.$/, '');
const TOOLCHAIN = process.env.WEIR_JAVASCRIPT_TOOLCHAIN;
const folder = mkdtempSync(join(tmpdir(), 'weir-sdk-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const build = (...given) => {
  const { status, stderr } = spawnSync(process.execPath, [join(SDK, 'build.mjs'), ...given], { encoding: 'utf8' });
  return { status, stderr: stderr.trimEnd() };
};

/** A project of a template, as `weir new` writes it. */
function project(template, name) {
  const path = join(folder, name);
  cpSync(join(SDK, 'template', template), path, { recursive: true });
  for (const file of readdirSync(path)) {
    const text = readFileSync(join(path, file), 'utf8')
      .replaceAll('{{name}}', name)
      .replaceAll('{{identifier}}', name.replaceAll('-', '_'))
      .replaceAll('{{sdk}}', SDK);
    writeFileSync(join(path, file), text);
  }
  assert.deepEqual(build('--link', '--project', path), { status: 0, stderr: '' });
  return path;
}

for (const template of ['transform', 'keyed', 'aggregate']) {
  test(`the template ${template} passes its own test`, () => {
    const path = project(template, `my-${template}`);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, ['--test'], { cwd: path, env, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /pass 1\b/);
  });

  test(`the template ${template} becomes a component`, { skip: TOOLCHAIN ? false : 'WEIR_JAVASCRIPT_TOOLCHAIN is not set' }, () => {
    const out = join(folder, 'out', `${template}.wasm`);
    assert.deepEqual(build('--project', project(template, `built-${template}`), '--out', out, '--toolchain', TOOLCHAIN), {
      status: 0,
      stderr: '',
    });
    assert.ok(statSync(out).size < 3_000_000);
    assert.ok(readFileSync(out).includes(`weir:operator/${template}@0.1.0`));
  });
}

test('a project in TypeScript becomes a component', { skip: TOOLCHAIN ? false : 'WEIR_JAVASCRIPT_TOOLCHAIN is not set' }, () => {
  // As the guide says it: rename the module, and name it.
  const path = project('transform', 'typed');
  const [typed, manifest, out] = ['operator.ts', 'package.json', 'out.wasm'].map((name) => join(path, name));
  renameSync(join(path, 'operator.js'), typed);
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"operator.js"', '"operator.ts"'));
  const source = readFileSync(typed, 'utf8');
  writeFileSync(typed, `${source}\ninterface Unused { a: number }\nconst unused: Unused | null = null as Unused | null;\n`);
  assert.deepEqual(build('--project', path, '--out', out, '--toolchain', TOOLCHAIN), { status: 0, stderr: '' });
  assert.ok(readFileSync(out).includes('weir:operator/transform@0.1.0'));
  writeFileSync(typed, `interface Two {\n  lines: number;\n}\nthrow new Error('no table' as string);\n`);
  const { status, stderr } = build('--project', path, '--out', out, '--toolchain', TOOLCHAIN);
  assert.deepEqual([status, stderr], [1, 'operator.ts:4: Error: no table']);
});

const broken = {
  'operator.js:2:26: Unexpected end of file': "import { transform } from 'weir-sdk';\nexport default transform(",
  'operator.js:3: TypeError: reads: a: "int65" is no type':
    "import { transform } from 'weir-sdk';\n\nexport default transform({ reads: { a: 'int65' }, emits: {} }, () => {});",
  'operator.js:2: Error: no table': "const load = () => {\n  throw new Error('no table');\n};\nload();",
  'operator.js has no default export': 'export const x = 1;',
  'operator.js exports something else by default': 'export default () => 1;',
  '"node:fs" is a module of Node, which a component does not have': "import { readFileSync } from 'node:fs';\nexport default readFileSync;",
  'Could not resolve "left-pad": is it installed (`npm install`)?': "import pad from 'left-pad';\nexport default pad;",
  'operator.js:2: process is not defined':
    "import { transform } from 'weir-sdk';\nconst now = process.hrtime();\nexport default transform({ reads: {}, emits: {} }, () => now);",
  'operator.js:2: an operator has no clock':
    "import { transform } from 'weir-sdk';\nconst now = Date.now();\nexport default transform({ reads: {}, emits: {} }, () => now);",
  'operator.js:2: an operator has no randomness':
    "import { transform } from 'weir-sdk';\nconst seed = Math.random();\nexport default transform({ reads: {}, emits: {} }, () => seed);",
};
for (const [says, source] of Object.entries(broken)) {
  test(`a build says: ${says}`, { skip: TOOLCHAIN ? false : 'WEIR_JAVASCRIPT_TOOLCHAIN is not set' }, () => {
    const path = mkdtempSync(join(folder, 'broken-'));
    writeFileSync(join(path, 'operator.js'), source);
    const { status, stderr } = build('--project', path, '--out', join(path, 'out.wasm'), '--toolchain', TOOLCHAIN);
    assert.equal(status, 1);
    assert.ok(stderr.includes(says), stderr);
    assert.ok(!stderr.includes('\n    at '), stderr);
  });
}

test('a wrong call, no toolchain, no operator', () => {
  assert.deepEqual(build('--project', folder), {
    status: 2,
    stderr: '--out is missing: node build.mjs --project DIR --out FILE --toolchain DIR',
  });
  const { status, stderr } = build('--project', folder, '--out', 'x.wasm', '--toolchain', join(folder, 'none'));
  assert.equal(status, 2);
  assert.match(stderr, /^there is no toolchain for JavaScript in .*: install it with `weir toolchain install javascript`$/);
  const empty = join(folder, 'empty', 'node_modules');
  mkdirSync(empty, { recursive: true });
  assert.match(
    build('--project', folder, '--out', 'x.wasm', '--toolchain', join(folder, 'empty')).stderr,
    /is broken: esbuild cannot be loaded/,
  );
  assert.ok(!existsSync('x.wasm'));
});

test('the bindings are those of the contract', { skip: existsSync(REPOSITORY) ? false : 'not in a checkout' }, () =>
  assert.ok(areCurrent(), 'run `node bindings.mjs`'),
);

test('places of a bundle', () => {
  const map = { sources: ['a.js', 'sdk.js'], mappings: 'AAAA,IAAI;AACA;;ACDA;ADEA' };
  assert.deepEqual(
    placesOf(map, (source) => (source === 'sdk.js' ? null : source)),
    { files: ['a.js'], at: [1, 1, 0, 1, 2, 1, 0, 2, 4, 1, -1, 1, 5, 1, 0, 3] },
  );
});
