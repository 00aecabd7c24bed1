/**
 * Writes what `require('offhand')` finds: `dist/index.cjs` and its types, `dist/index.d.cts`. Run after tsc, from the
 * repository root.
 *
 * The library is built once, as ES modules; Node loads those by `require` too. Only TypeScript needs more: it refuses to
 * `require` an ES module under `module: node16`. So the entry is a CommonJS file of one line, and its types point at those
 * of the ES module, which keeps a `Pool` from `require` the same type as one from `import`.
 */
import { readFile, writeFile } from 'node:fs/promises';

const MODE = "with: { 'resolution-mode': 'import' }";

/** Every `export { a, type B } from './file.js'` of the front door. */
function exportsOf(text) {
  return [...text.matchAll(/^export \{([^}]*)\} from '\.\/([^']+)\.js';$/gm)].flatMap(([, names, file]) =>
    names.split(',').map((entry) => {
      const [, type, name] = /^\s*(type )?(\w+)\s*$/.exec(entry) ?? [];
      if (!name) throw new Error(`dist/index.d.ts: cannot read "${entry.trim()}" in the exports of ${file}`);
      return { name, file, isType: type !== undefined };
    }),
  );
}

/** The comment that editors show, and whether the name is a class, which is a type as well. */
async function declarationOf({ name, file }) {
  const text = await readFile(`dist/${file}.d.ts`, 'utf8');
  const pattern = new RegExp(
    `(/\\*\\*(?:(?!\\*/)[^])*\\*/\\n)?export declare (?:abstract )?(class|function|const) ${name}\\b`,
  );
  const [, comment = '', kind] = pattern.exec(text) ?? [];
  if (!kind) throw new Error(`dist/${file}.d.ts: there is no declaration of ${name}`);
  return { comment, kind };
}

const front = await readFile('dist/index.d.ts', 'utf8');
const entries = exportsOf(front);
const values = entries.filter((entry) => !entry.isType);
const exportLines = front.match(/^export .*$/gm) ?? [];
if (exportLines.length !== front.match(/^export \{[^}]*\} from /gm)?.length || values.length === 0) {
  throw new Error("dist/index.d.ts: expected only lines of the form export { … } from '…'");
}

const types = entries.filter((entry) => entry.isType).map((entry) => entry.name);
const lines = [
  ...(front.match(/^\/\/\/ <reference .*$/gm) ?? []),
  `type Offhand = typeof import('./index.js', { ${MODE} });`,
  `export type { ${types.join(', ')} } from './index.js' ${MODE.replace('with:', 'with')};`,
];
for (const entry of values) {
  const { comment, kind } = await declarationOf(entry);
  lines.push(`${comment}export declare const ${entry.name}: Offhand['${entry.name}'];`);
  if (kind === 'class') {
    lines.push(`export type ${entry.name} = import('./index.js', { ${MODE} }).${entry.name};`);
  }
}

await writeFile('dist/index.d.cts', `${lines.join('\n')}\n`);
await writeFile('dist/index.cjs', "'use strict';\nmodule.exports = require('./index.js');\n");
