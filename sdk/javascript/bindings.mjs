#!/usr/bin/env node
// Makes what the SDK has of the contract: `wit/`, which the build gives to the engine. `node bindings.mjs [WIT]`, by default the
// repository's; a test compares the two.

import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const SDK = dirname(fileURLToPath(import.meta.url));
const OWN = join(SDK, 'wit');
export const REPOSITORY = join(SDK, '..', '..', 'wit');

const contents = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.wit'))
    .sort()
    .map((name) => `${name}\n${readFileSync(join(folder, name), 'utf8')}`)
    .join('\n');

/** Whether the SDK's copy is that of a folder. */
export const areCurrent = (folder = REPOSITORY) => contents(OWN) === contents(folder);

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  rmSync(OWN, { recursive: true, force: true });
  cpSync(process.argv[2] ?? REPOSITORY, OWN, { recursive: true, filter: (path) => !/\.[^./]+$/.test(path) || path.endsWith('.wit') });
}
