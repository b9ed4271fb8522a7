// The author's module and the SDK as one file: for Node, to find out what it exports, and for the engine of the component.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

import { frameOf, ofBundle } from '../failure.js';
import { Failure } from './failure.mjs';
import { placesOf } from './places.mjs';

const ENTRIES = ['operator', 'src/operator', 'src/index', 'index'].flatMap((name) =>
  ['.ts', '.mts', '.js', '.mjs'].map((end) => name + end),
);
const WORLDS = { transform: 'transform', keyed: 'keyed', aggregate: 'aggregate' };
/** The name that the engine has for the bundle in its stack traces. */
const CHECKED = 'operator.mjs';

/** The module with the operator: `main` of package.json, or the first of some names that is there. */
export function findEntry(project) {
  const manifest = join(project, 'package.json');
  if (!existsSync(project)) throw new Failure(`there is no folder ${project}`);
  let main;
  if (existsSync(manifest)) {
    try {
      ({ main } = JSON.parse(readFileSync(manifest, 'utf8')));
    } catch (error) {
      throw new Failure(`package.json: ${error.message}`);
    }
  }
  const entry = main ?? ENTRIES.find((name) => existsSync(join(project, name)));
  if (entry === undefined)
    throw new Failure(
      `no operator found in ${project}: name its module in package.json ("main": "operator.js"), or call it ${ENTRIES[0]} or operator.js`,
    );
  if (!existsSync(join(project, entry))) throw new Failure(`package.json: "main" is ${entry}, which is not there`);
  return entry;
}

/** Runs the author's module in Node: the world of what it exports. */
export async function check(esbuild, { sdk, project, entry, folder }) {
  const contents = `import * as operator from ${JSON.stringify(`./${entry}`)};\nexport { operator };`;
  const { code, places } = await run(esbuild, { sdk, project, contents });
  const file = join(folder, CHECKED);
  writeFileSync(file, code);
  let exported;
  Error.stackTraceLimit = 100;
  try {
    exported = (await import(pathToFileURL(file).href)).operator;
  } catch (error) {
    throw new Failure(said(error, places, entry));
  }
  const world = WORLDS[exported.default?.world];
  if (world === undefined) {
    const what = exported.default === undefined ? 'has no default export' : 'exports something else by default';
    throw new Failure(`${entry} ${what}: it is \`export default transform({ ... }, ...)\`, or keyed or aggregate`);
  }
  return world;
}

/** What the engine runs: `source`, and how an error of it is said. */
export async function bundle(esbuild, { sdk, project, entry, world }) {
  const hosts = ['log', 'metrics', ...(world === 'keyed' ? ['maps'] : [])];
  const contents = [
    "import 'weir-sdk/globals';",
    `import operator from ${JSON.stringify(`./${entry}`)};`,
    "import { guest } from 'weir-sdk/guest';",
    ...hosts.map((name) => `import ${name} from 'weir:operator/${name}';`),
    `export const ${world} = guest(operator, { ${hosts.join(', ')} }, () => globalThis.weirPlaces);`,
  ].join('\n');
  const { code, places } = await run(esbuild, { sdk, project, contents });
  const describeError = (error) => {
    const text = String(error.message ?? error);
    const [, what = text] =
      /JavaScript module(?: evaluation)?: (?:Failed to finish JavaScript module evaluation: )?(?:Error: )?([^]*)$/.exec(text) ?? [];
    const at = [...text.matchAll(/at (?:(\S+) )?\(?([^\s()]*):(\d+):(\d+)\)?/g)]
      .map(([, , file, line, column]) => ofBundle(places, file.endsWith('.js') ? file : `${file}.js`, +line, +column))
      .find(Boolean);
    return `${at ? `${at.file}:${at.line}: ` : ''}${what.split('\n')[0]} (while its top level ran in the engine of components, which has no Node)`;
  };
  return { source: `${code}\nglobalThis.weirPlaces = ${JSON.stringify(places)};\n`, describeError };
}

function said(error, places, entry) {
  const frame = error instanceof Error ? frameOf(error, () => places) : null;
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `${frame ? `${frame.file}:${frame.line}` : entry}: ${what}`;
}

async function run(esbuild, { sdk, project, contents }) {
  const internal = { name: 'weir-sdk', setup: (build) => resolveSdk(build, sdk) };
  let result;
  try {
    result = await esbuild.build({
      stdin: { contents, resolveDir: project, sourcefile: 'weir-entry.js', loader: 'js' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      conditions: ['module', 'import'],
      target: 'es2023',
      charset: 'utf8',
      sourcemap: 'external',
      sourcesContent: false,
      outfile: join(project, 'weir-bundle.js'),
      external: ['weir:*'],
      absWorkingDir: project,
      logLevel: 'silent',
      plugins: [internal],
    });
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    throw new Failure(error.errors.map((one) => esbuildError(one)).join('\n'));
  }
  const [code, map] = ['.js', '.map'].map((end) => result.outputFiles.find(({ path }) => path.endsWith(end)).text);
  const nameOf = (source) => {
    const file = resolve(project, source);
    if (file.startsWith(sdk + sep) && !file.startsWith(project + sep)) return null;
    if (source.endsWith('weir-entry.js')) return null;
    return relative(project, file).split(sep).join('/');
  };
  return { code, places: placesOf(JSON.parse(map), nameOf) };
}

function esbuildError({ text, location }) {
  const where = location ? `${location.file}:${location.line}:${location.column + 1}: ` : '';
  const missing = /^Could not resolve "([^"]+)"/.exec(text);
  if (missing && isBuiltin(missing[1])) return `${where}${JSON.stringify(missing[1])} is a module of Node, which a component does not have`;
  return `${where}${text}${missing && !/^[./]/.test(missing[1]) ? ': is it installed (`npm install`)?' : ''}`;
}

/** The SDK is this very one, whether it is installed in the project or not. */
function resolveSdk(build, sdk) {
  const files = {
    'weir-sdk': 'index.js',
    'weir-sdk/guest': 'guest.js',
    'weir-sdk/globals': 'src/globals.js',
    'weir-sdk/testing': 'testing.js',
  };
  build.onResolve({ filter: /^weir-sdk(\/.*)?$/ }, ({ path }) =>
    files[path] ? { path: join(sdk, files[path]), sideEffects: path === 'weir-sdk/globals' } : undefined,
  );
}
