/**
 * Writes what `require('offhand')` finds: `dist/index.cjs` and its types, `dist/index.d.cts`; the same for `offhand/task`. Run
 * after tsc, from the repository root.
 *
 * The library is built once, as ES modules; Node loads those by `require` too. Only TypeScript needs more: it refuses to
 * `require` an ES module under `module: node16`. So the entry is a CommonJS file of one line, and its types point at those
 * of the ES module, which keeps a `Pool` from `require` the same type as one from `import`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { ENTRIES, exportsOf } from './front-door.mjs';

const MODE = "with: { 'resolution-mode': 'import' }";

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

async function writeEntry(entry) {
  const front = await readFile(`dist/${entry}.d.ts`, 'utf8');
  const entries = exportsOf(front);
  const values = entries.filter(({ isType }) => !isType);
  const exportLines = front.match(/^export .*$/gm) ?? [];
  if (exportLines.length !== front.match(/^export \{[^}]*\} from /gm)?.length || values.length === 0) {
    throw new Error(`dist/${entry}.d.ts: expected only lines of the form export { … } from '…'`);
  }

  const types = entries.filter(({ isType }) => isType).map(({ name }) => name);
  const lines = [
    ...(front.match(/^\/\/\/ <reference .*$/gm) ?? []),
    `type Offhand = typeof import('./${entry}.js', { ${MODE} });`,
    `export type { ${types.join(', ')} } from './${entry}.js' ${MODE.replace('with:', 'with')};`,
  ];
  for (const value of values) {
    const { comment, kind } = await declarationOf(value);
    lines.push(`${comment}export declare const ${value.name}: Offhand['${value.name}'];`);
    if (kind === 'class') {
      lines.push(`export type ${value.name} = import('./${entry}.js', { ${MODE} }).${value.name};`);
    }
  }

  await writeFile(`dist/${entry}.d.cts`, `${lines.join('\n')}\n`);
  await writeFile(`dist/${entry}.cjs`, `'use strict';\nmodule.exports = require('./${entry}.js');\n`);
}

for (const entry of ENTRIES) await writeEntry(entry);
