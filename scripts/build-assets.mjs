/**
 * What `npm run build` adds to the output of tsc. Run from the repository root.
 *
 * What people import, the command line and the processes of a pool: their entries become one file each, with all that they load at every start
 * inside; a pool starts in half the time. Not minified, as people read their stacks.
 *
 * The dashboard is built by Vite; beside it the licence of what is in it.
 *
 * The HTTP service: `dist/http/libraries.js` becomes one file with the web server inside, so that it is not installed along.
 *
 * The authority: `dist/authority/libraries.js` becomes one file with what makes certificates inside, for the same reason.
 *
 * The grapher: `dist/grapher/render.js` becomes one file with chart.js, chartjs-node-canvas and packages/canvas inside, as
 * the installed package has none of them; @napi-rs/canvas stays outside. Beside it the font, and all licences.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';
import { ENTRIES, exportsOf } from './front-door.mjs';

/** How everything that ships in one piece is bundled. */
const BUNDLE = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  minify: true,
  legalComments: 'none',
  metafile: true,
};

/** Packages that are loaded at every start. All others stay outside, and are loaded when they are needed. */
const AT_EVERY_START = ['@grpc/grpc-js', 'protobufjs'];

async function buildEntries(folder) {
  const { dependencies, peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
  const entries = [
    ...(await frontDoor()),
    'cli/main',
    'server/process',
    'worker/process',
    'worker/slot-thread',
    'worker/isolated-thread',
    'queue/store-thread',
  ];
  const { metafile } = await build({
    entryPoints: entries.map((entry) => `src/${entry}.ts`),
    outbase: 'src',
    outdir: folder,
    // What is imported only when it is needed stays apart. As deep in the tree as the rooms: paths relative to a module there hold.
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    ...BUNDLE,
    logLevel: 'error',
    minify: false,
    plugins: [ownBundles],
    external: Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !AT_EVERY_START.includes(name),
    ),
    banner: { js: bannerFor('src') },
  });
  for (const entry of entries) await rm(join(folder, `${entry}.js.map`), { force: true });
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(Object.keys(metafile.inputs)));
}

/** The modules whose classes and functions people import. */
async function frontDoor() {
  const exported = ENTRIES.map(async (entry) => exportsOf(await readFile(`dist/${entry}.d.ts`, 'utf8')));
  const values = (await Promise.all(exported)).flat().filter(({ isType }) => !isType);
  return [...new Set(values.map(({ file }) => file))];
}

/** The bundled packages are CommonJS and ask for modules of Node by `require`. */
function bannerFor(entry) {
  return [
    `// Bundled from ${entry}; licences in THIRD-PARTY-LICENSES.txt.`,
    "import { createRequire as requireFrom } from 'node:module';",
    'const require = requireFrom(import.meta.url);',
  ].join('\n');
}

async function buildLibraries(room, external) {
  const entry = `src/${room}/libraries.ts`;
  const folder = `dist/${room}`;
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: join(folder, 'libraries.js'),
    ...BUNDLE,
    logLevel: 'error',
    external,
    banner: { js: bannerFor(entry) },
  });
  await rm(join(folder, 'libraries.js.map'), { force: true });
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(Object.keys(metafile.inputs)));
}

async function buildGrapher(folder) {
  const { metafile } = await build({
    entryPoints: ['src/grapher/render.ts'],
    outfile: join(folder, 'render.js'),
    ...BUNDLE,
    logLevel: 'warning',
    external: ['@napi-rs/canvas'],
    banner: { js: bannerFor('src/grapher/render.ts') },
    plugins: [staticCanvas],
  });
  // tsc wrote a map for the file that was just replaced.
  await rm(join(folder, 'render.js.map'), { force: true });
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(Object.keys(metafile.inputs)));

  const fonts = join(folder, 'fonts');
  await mkdir(fonts, { recursive: true });
  for (const file of ['ttf/DejaVuSans.ttf', 'ttf/DejaVuSans-Bold.ttf', 'LICENSE']) {
    await cp(join('node_modules/dejavu-fonts-ttf', file), join(fonts, file.replace('ttf/', '')));
  }
}

/** What is bundled by itself stays one file for all. Every file of ours is one folder deep. */
const ownBundles = {
  name: 'own-bundles',
  setup({ onResolve }) {
    onResolve({ filter: /\/(libraries|render)\.js$/ }, ({ path, resolveDir }) => ({
      path: join('..', relative('src', join(resolveDir, path))),
      external: true,
    }));
  },
};

/** chartjs-node-canvas loads `canvas` by a computed name, which a bundler cannot follow. */
const staticCanvas = {
  name: 'static-canvas',
  setup({ onLoad }) {
    onLoad({ filter: /chartjs-node-canvas[\\/]dist[\\/]freshRequire\.js$/ }, () => ({
      contents: `exports.freshRequire = (name) => {
        if (name !== 'canvas') throw new Error('not bundled: ' + name);
        return require('canvas');
      };`,
      resolveDir: 'node_modules/chartjs-node-canvas/dist',
    }));
  },
};

/** The licence text of every package that a bundle holds. */
async function licencesOf(inputs) {
  const packages = inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  const texts = [...new Set(packages)].filter(Boolean).map(async (name) => {
    const folder = join('node_modules', name);
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) return `${name}\n\n${await licenceNamed(folder)}\n`;
    return `${name}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}

/** A package without a licence file says in its manifest whose it is, and under what licence. */
async function licenceNamed(folder) {
  const { name, license, author } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const whose = typeof author === 'object' ? author.name : author;
  if (license && whose) return `${license} licence, by ${whose}`;
  throw new Error(`${name} is bundled but says neither its licence nor whose it is`);
}

/** What Vite bundles. */
const IN_THE_PAGE = ['preact', 'chart.js', '@kurkle/color'];

await writeFile(
  'dist/web/THIRD-PARTY-LICENSES.txt',
  await licencesOf(IN_THE_PAGE.map((name) => `node_modules/${name}/`)),
);
await buildGrapher('dist/grapher');
await buildLibraries('http', ['pino']);
await buildLibraries('authority', []);
await rm('dist/parts', { recursive: true, force: true });
await buildEntries('dist');
