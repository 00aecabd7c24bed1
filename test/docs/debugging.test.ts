import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const PAGE = read('docs/debugging.md');
const blocks = (language: string) =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

/** Examples are compiled in the checkout. */
class Checkout extends Sandbox {
  override readonly cwd = ROOT;
}

test('what docs/debugging.md shows of its example is what that prints', async () => {
  await using checkout = new Checkout();
  const args = ['scripts/run-ts.mjs', 'examples/debugging.ts'];
  const { stdout } = await run(checkout, process.execPath, args);
  const [stack = '', seen = ''] = blocks('text');
  expect(stdout.startsWith(stack + seen)).toBe(true);
}, 60_000);

test('and the functions that it shows are those of the example', () => {
  const source = read('examples/debugging.ts');
  const [shown = ''] = blocks('ts');
  for (const definition of shown.split('\n\n').slice(0, 2)) expect(source).toContain(definition.trim());
});
