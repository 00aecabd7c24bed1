import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MAIN, ROOT, run } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const PAGE = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');
const COMMANDS = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text).join('\n');

/** The package finds itself in its checkout by its name, as it is found where it is installed. */
class Checkout extends Sandbox {
  override readonly cwd = ROOT;
}

test('the commands of docs/http.md do what it says', async () => {
  await using checkout = new Checkout();
  const server = await startServer(checkout, ['2', '--no-profile', '--log-dir', checkout.dir, '--http']);
  const script = COMMANDS.replaceAll('http://127.0.0.1:5000', server.http).replaceAll(
    'npx offhand',
    `${process.execPath} ${MAIN}`,
  );
  const { code, stdout, stderr } = await run(checkout, 'bash', ['-euc', script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const answers = [...stdout.matchAll(/\{.*?\}(?=\{|\s*$)/gs)].map(([text]) => JSON.parse(text) as object);
  const settled = (result: number) => ({
    task_id: expect.any(String),
    state: 'succeeded',
    result,
    seconds: expect.any(Number),
  });
  expect(answers).toEqual([
    settled(7),
    { results: [settled(7)] },
    expect.objectContaining({ wanted: 2, http_address: server.http }),
    { task_id: expect.any(String), known: false },
    expect.objectContaining({ tasks: expect.any(Array) }),
  ]);
  await server.stop();
}, 60_000);
