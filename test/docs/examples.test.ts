import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Command, offhand, ROOT, run } from '../support/cli.js';
import { NATS_SERVER } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

// Each example asserts its own output, so a code of 0 says a lot already.
const ALONE = [
  'capture.ts',
  'debugging.ts',
  'errors.ts',
  'inside-a-task.ts',
  'map-files.ts',
  'module.ts',
  'nightly.ts',
  'pipeline.ts',
  'put.ts',
  'recycling.ts',
  'start-pool.ts',
  'stream.ts',
  'warm.ts',
];
/** These need a program that may be missing elsewhere. */
const WITH_NATS = ['cluster.ts'];
const ON_A_SERVER = ['client.ts', 'http.ts', 'primes.ts', 'resume.ts'];

/** Examples are compiled in the checkout, and find the pool of a sandbox. */
class Checkout extends Sandbox {
  override readonly cwd = ROOT;
}

const example = (name: string, ...args: string[]) => ['scripts/run-ts.mjs', `examples/${name}`, ...args];

test('every example is run here', () => {
  const files = readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.ts'));
  expect(files.sort()).toEqual([...ALONE, ...WITH_NATS, ...ON_A_SERVER].sort());
});

test.each(ALONE)('%s runs by itself', async (name) => {
  await using checkout = new Checkout();
  expect(await run(checkout, process.execPath, example(name))).toMatchObject({ code: 0, stderr: '' });
  expect(checkout.processes()).toEqual([]);
});

testWith(NATS_SERVER).each(WITH_NATS)(
  '%s runs by itself',
  async (name) => {
    await using checkout = new Checkout();
    const ended = await run(checkout, process.execPath, example(name));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/its machine is lost\n[^]*it ended on the other machine, in attempt 2\n$/);
    expect(checkout.processes()).toEqual([]);
  },
  90_000,
);

test('client.ts, in two shells, shares the workers of a server', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['2']);
  await using checkout = new Checkout();
  const client = () => {
    return new Command(process.execPath, example('client.ts', '1000000'), checkout, {
      ...sandbox.env,
      OFFHAND_ADDRESS: server.address,
    });
  };
  const first = client();
  await waitFor(
    'the first client to begin',
    () => first.stdout.includes('25 %') || first.child.exitCode !== null,
  );
  const second = client();
  for (const command of [first, second]) {
    expect(await command.ended).toEqual({ code: 0, signal: null });
    expect(command.stdout).toMatch(/100 %\n78,498 primes below 1,000,000, in \d+\.\d s\n$/);
  }
  const completed = (await server.status()).workers.map((worker) => worker.completed);
  expect(completed[0]! + completed[1]!).toBe(200);
  expect(Math.min(...completed)).toBeGreaterThan(20);
});

test('http.ts leaves a task by HTTP alone', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--http']);
  await using checkout = new Checkout();
  const env = { OFFHAND_URL: server.http, OFFHAND_TOKEN: server.token };
  const ended = await run(checkout, process.execPath, example('http.ts'), env);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^task \w+: \{"h":1,"u":2,"b":3\}\n$/);
  await server.stop();
}, 60_000);

test('primes.ts can be sent by the command line', async () => {
  await using sandbox = new Sandbox();
  await startServer(sandbox, ['1', '--no-profile']);
  const ended = await offhand(sandbox, ['run', join(ROOT, 'examples/primes.ts#countPrimes'), '200000']);
  expect(ended).toMatchObject({ code: 0, stdout: '17984\n' });
});

test('resume.ts fetches after a restart of the server what it has submitted before', async () => {
  await using sandbox = new Sandbox();
  const flags = ['1', '--no-profile', '--store', 'file:queue'];
  const first = await startServer(sandbox, flags);
  await using checkout = new Checkout();
  const resume = (server: { address: string }) =>
    run(checkout, process.execPath, example('resume.ts', sandbox.path('resume.id')), {
      ...sandbox.env,
      OFFHAND_ADDRESS: server.address,
    });
  expect((await resume(first)).stdout).toMatch(/^submitted \w+; run this again/);
  await first.stop();
  const second = await startServer(sandbox, flags);
  expect((await resume(second)).stdout).toMatch(/^task \w+: 17,984 primes\n$/);
  await second.stop();
}, 60_000);
