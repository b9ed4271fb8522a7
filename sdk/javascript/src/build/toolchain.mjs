// Finds the packages that a build needs in the toolchain's folder. It installs nothing.

import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { Failure } from './failure.mjs';

const OLDEST = 20;

/** `esbuild`, and the function that makes a component of JavaScript. */
export function loadToolchain(folder) {
  const [major] = process.versions.node.split('.');
  if (+major < OLDEST) throw new Failure(`Node ${process.versions.node} is too old: JavaScript operators need ${OLDEST} or newer`, 2);
  if (!existsSync(join(folder, 'node_modules')))
    throw new Failure(`there is no toolchain for JavaScript in ${folder}: install it with \`weir toolchain install javascript\``, 2);
  const require = createRequire(join(folder, 'package.json'));
  const load = (name) => {
    try {
      return require(name);
    } catch (error) {
      throw new Failure(
        `the toolchain in ${folder} is broken: ${name} cannot be loaded (${error.message.split('\n')[0]}); install it again with \`weir toolchain install javascript\``,
        2,
      );
    }
  };
  return { esbuild: load('esbuild'), componentize: load('componentize-qjs').componentize };
}
