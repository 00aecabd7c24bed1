import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Command, type Finished, MAIN, offhand } from '../support/cli.js';
import type { StatusDocument } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const FUNCTIONS = `
  const outside = 3;
  const add = (a, b) => a + b;
  const usesOutside = () => outside;
  const slow = (ms) => new Promise((resolve) => setTimeout(resolve, ms, 'done'));
  const fails = () => { throw new TypeError('as meant'); };
`;
const NAMES = 'add, usesOutside, slow, fails';

const sandbox = new Sandbox();
let server: TestServer;
/** Every command that a test ran: none may print a stack trace. */
const finished: Finished[] = [];

beforeAll(async () => {
  writeFileSync(
    sandbox.path('f.mjs'),
    `${FUNCTIONS} export { ${NAMES} };\nexport default () => 'by default';`,
  );
  writeFileSync(sandbox.path('f.cjs'), `${FUNCTIONS} module.exports = { ${NAMES} };`);
  writeFileSync(sandbox.path('f.js'), `${FUNCTIONS} module.exports = { ${NAMES} };`);
  writeFileSync(
    sandbox.path('f.ts'),
    `export const add = (a: number, b: number): number => a + b;\nexport const notAFunction: string = 'text';`,
  );
  writeFileSync(sandbox.path('broken.mjs'), 'export const add = () => 1; throw new Error("broken at load");');
  writeFileSync(
    sandbox.path('open.mjs'),
    'setInterval(() => undefined, 1_000);\nexport const one = () => 1;',
  );
  server = await startServer(sandbox, ['2', '--no-profile']);
}, 40_000);

afterEach(() => {
  // But for what a function threw.
  const frames = /^\s+at (?!fails \(\S+f\.mjs)/m;
  for (const { stdout, stderr } of finished.splice(0)) expect(`${stdout}${stderr}`).not.toMatch(frames);
});

afterAll(async () => {
  await server.stop();
  await sandbox[Symbol.asyncDispose]();
});

async function cli(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  const ended = await offhand(sandbox, args, env);
  finished.push(ended);
  return ended;
}

async function ok(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await cli(args, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trimEnd();
}

/** One sentence on stderr, nothing on stdout, exit code 1. */
async function refused(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await cli(args, env);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^offhand: .+\n$/);
  return stderr.trimEnd();
}

describe('run', () => {
  test('calls functions of .mjs, .cjs, .js and .ts with JSON arguments', async () => {
    const files = ['f.mjs', 'f.cjs', 'f.js', 'f.ts'];
    const sums = await Promise.all(files.map((file) => ok(['run', `${file}#add`, '2', '3'])));
    expect(sums).toEqual(['5', '5', '5', '5']);
  });

  test('takes strings, objects and negative numbers, also after --', async () => {
    const results = await Promise.all([
      ok(['run', 'f.mjs#add', '"a"', '"b"']),
      ok(['run', 'f.mjs#add', '-2', '3']),
      ok(['run', 'f.mjs#add', '--', '-2', '3']),
      ok(['run', 'f.mjs#add', '[1]', '{"a":1}', '--json']),
    ]);
    expect(results).toEqual(['ab', '1', '1', '"1[object Object]"']);
  });

  test('calls the default export where none is named', async () => {
    expect(await ok(['run', 'f.mjs'])).toBe('by default');
  });

  test('says what is wrong with an export or a file', async () => {
    const [noExport, notAFunction, broken] = await Promise.all([
      refused(['run', 'f.mjs#nothing']),
      refused(['run', 'f.ts#notAFunction']),
      refused(['run', 'broken.mjs#add']),
    ]);
    expect(noExport).toMatch(/f\.mjs has no function nothing; .*add/);
    expect(notAFunction).toMatch(/f\.ts has no function notAFunction; .*add/);
    expect(broken).toMatch(/broken\.mjs threw when the worker loaded it: broken at load/);
  });

  test('sends along what stands around a function, and what its file imports', async () => {
    expect(await ok(['run', 'f.mjs#usesOutside'])).toBe('3');
    writeFileSync(sandbox.path('part.ts'), 'export const half = (n: number): number => n / 2;');
    writeFileSync(
      sandbox.path('whole.ts'),
      `import { half } from './part.ts'; export const quarter = (n: number) => half(half(n));`,
    );
    expect(await ok(['run', 'whole.ts#quarter', '8'])).toBe('2');
  });

  test('prints what the function threw, and where', async () => {
    const { code, stdout, stderr } = await cli(['run', 'f.mjs#fails']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^offhand: TypeError: as meant\n {4}at fails \(\S+\/f\.mjs:\d+:\d+\)\n$/);
  });

  test('bounds the run by --timeout', async () => {
    const [late, inTime] = await Promise.all([
      refused(['run', 'f.mjs#slow', '60000', '--timeout', '200ms']),
      ok(['run', 'f.mjs#slow', '1', '--timeout', '20s']),
    ]);
    expect(late).toMatch(/ran longer than.*200/);
    expect(inTime).toBe('done');
  });

  test('ends when it has printed the result, whatever its file keeps open', async () => {
    expect(await within(10_000, 'the command to end', ok(['run', 'open.mjs#one']))).toBe('1');
  });

  test('gives its worker back when it ends', async () => {
    await ok(['run', 'f.mjs#add', '1', '2']);
    const { workers } = await server.status();
    expect(workers.map(({ busy }) => busy)).toEqual([false, false]);
  });
});

describe('status', () => {
  test('--json prints the document of GetStatus', async () => {
    const document = JSON.parse(await ok(['status', '--json'])) as StatusDocument;
    const { workers, queue } = await server.status();
    expect(Object.keys(document)).toEqual(['workers', 'queue', 'wanted', 'http_address', 'policy', 'code']);
    expect(document.queue).toEqual(queue);
    expect(document.workers.map(({ worker }) => worker)).toEqual(['worker-1', 'worker-2']);
    for (const [index, worker] of document.workers.entries()) {
      expect(Object.keys(worker).sort()).toEqual(Object.keys(workers[index] ?? {}).sort());
    }
  });

  test('shows the workers, and the task that runs', async () => {
    const command = new Command(process.execPath, [MAIN, 'run', 'f.mjs#slow', '600000'], sandbox);
    await waitFor('the task to run', async () =>
      (await server.status()).workers.some(({ tasks }) => tasks.length > 0),
    );
    const [text, json] = await Promise.all([ok(['status']), ok(['status', '--json'])]);
    expect(text).toMatch(/worker-1.*127\.0\.0\.1:\d+/);
    expect(text).toMatch(/slow \d+\.\d s/);
    expect(text).toMatch(/2 workers, \d busy, 0 waiting/);
    const tasks = (JSON.parse(json) as StatusDocument).workers.flatMap((worker) => worker.tasks);
    expect(tasks).toEqual([
      { task_id: expect.any(String), name: 'slow', running_ms: expect.any(Number), remaining_ms: null },
    ]);
    command.signal('SIGINT');
    await waitFor('the task to end with its caller', async () =>
      (await server.status()).workers.every((worker) => worker.tasks.length === 0),
    );
  });

  test('says that the token is wrong', async () => {
    expect(await refused(['status'], { OFFHAND_TOKEN: 'wrong' })).toMatch(
      /does not know this token.*OFFHAND_TOKEN/,
    );
  });
});

describe('any command', () => {
  test('is not disturbed by an environment that is meant for another one', async () => {
    const env = {
      OFFHAND_ADDRESS: server.address,
      OFFHAND_DEBUG: '0',
      OFFHAND_PORT: '1',
      OFFHAND_PROFILE: 'p',
    };
    const [token, status] = await Promise.all([ok(['token'], env), ok(['status'], env)]);
    expect(token).toBe(server.token);
    expect(status).toContain('worker-1');
  });
});
