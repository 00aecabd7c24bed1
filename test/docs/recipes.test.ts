import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { Command, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const TEXT = readFileSync(join(ROOT, 'docs', 'recipes.md'), 'utf8');
const FILES = readdirSync(join(ROOT, 'examples', 'recipes'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));

/** What is compiled from the repository, in the repository: its packages are found from there. */
class Checkout extends Sandbox {
  override readonly cwd = ROOT;
}

test.each(FILES)('%s stands in docs/recipes.md as it is', (file) => {
  const code = readFileSync(join(ROOT, file), 'utf8');
  expect(TEXT).toContain(`\`${file}\`\n\n\`\`\`${extname(file).slice(1)}\n${code}\`\`\`\n`);
});

test('the Express recipe answers from the pool, and ends at SIGTERM', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const env = { ...sandbox.env, OFFHAND_ADDRESS: server.address, PORT: '0' };
  await using checkout = new Checkout();
  const app = new Command(
    process.execPath,
    ['scripts/run-ts.mjs', 'examples/recipes/express.ts'],
    checkout,
    env,
  );
  const port = await waitFor('Express to listen', () => /port: (\d+)/.exec(app.stdout)?.[1]);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
    return { status: response.status, body: await response.json() };
  };

  expect(await get('/primes/200000')).toEqual({ status: 200, body: { below: 200_000, count: 17_984 } });
  expect(await get('/primes/many')).toMatchObject({
    status: 400,
    body: { error: 'RangeError: expected a number up to 10,000,000' },
  });

  app.signal('SIGTERM');
  expect(await app.ended).toMatchObject({ code: 0 });
});

test('the jest recipe passes, on workers and in its own process', async () => {
  await using checkout = new Checkout();
  const tmp = join(checkout.dir, 'tmp');
  const args = [
    '--experimental-vm-modules',
    'node_modules/jest/bin/jest.js',
    '--config',
    'examples/recipes/jest/jest.config.js',
  ];
  for (const inline of ['', '1']) {
    const ended = await run(checkout, process.execPath, args, { TMPDIR: tmp, OFFHAND_INLINE: inline });
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/Tests: +3 passed, 3 total/) });
  }
});
