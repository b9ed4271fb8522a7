#!/usr/bin/env node
// Builds an operator: `node build.mjs --project DIR --out FILE --toolchain DIR`. It bundles the author's module with the SDK, finds out
// what it exports, and makes a component of it. `node build.mjs --link --project DIR` puts a link to the SDK into the project's node_modules,
// as `npm install` does. What is wrong it says on standard error in one line or two, and ends with 1; with 2 if it was called wrongly or the
// toolchain is at fault.

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { bundle, check, findEntry } from './src/build/bundle.mjs';
import { Failure } from './src/build/failure.mjs';
import { loadToolchain } from './src/build/toolchain.mjs';

const SDK = dirname(fileURLToPath(import.meta.url));

async function main() {
  const { project, out, toolchain, link } = options();
  if (link) return linkSdk(project);
  const { esbuild, componentize } = loadToolchain(toolchain);
  const entry = findEntry(project);
  const folder = mkdtempSync(join(tmpdir(), 'weir-build-'));
  try {
    const world = await check(esbuild, { sdk: SDK, project, entry, folder });
    const { source, describeError } = await bundle(esbuild, { sdk: SDK, project, entry, world });
    const made = await componentize({
      witPath: join(SDK, 'wit'),
      jsSource: source,
      world: `${world}-operator`,
      stubWasi: true,
      sync: true,
    }).catch((error) => {
      throw new Failure(describeError(error));
    });
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, made.component);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function options() {
  let values;
  try {
    ({ values } = parseArgs({
      options: { project: { type: 'string' }, out: { type: 'string' }, toolchain: { type: 'string' }, link: { type: 'boolean' } },
    }));
  } catch (error) {
    throw new Failure(error.message, 2);
  }
  for (const name of values.link ? ['project'] : ['project', 'out', 'toolchain'])
    if (!values[name]) throw new Failure(`--${name} is missing: node build.mjs --project DIR --out FILE --toolchain DIR`, 2);
  const [project, out, toolchain] = [values.project, values.out, values.toolchain].map((path) => path && resolve(path));
  return { project, out, toolchain, link: values.link };
}

function linkSdk(project) {
  const link = join(project, 'node_modules', 'weir-sdk');
  if (existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(SDK, link, 'junction');
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.code;
}
