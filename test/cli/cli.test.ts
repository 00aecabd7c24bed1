import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Finished, offhand } from '../support/cli.js';
import { type StatusDocument } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

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
  writeFileSync(sandbox.path('broken.mjs'), 'throw new Error("broken at load");');
  writeFileSync(
    sandbox.path('open.mjs'),
    'setInterval(() => undefined, 1_000);\nexport const one = () => 1;',
  );
  server = await startServer(sandbox, ['2', '--no-profile']);
}, 40_000);

afterEach(() => {
  for (const { stdout, stderr } of finished.splice(0)) expect(`${stdout}${stderr}`).not.toMatch(/^\s+at /m);
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

describe('help', () => {
  test.each(['server', 'status', 'run', 'stop', 'grapher', 'token'])(
    'of %s has an example',
    async (command) => {
      const text = await ok([command, '--help']);
      expect(text).toContain(`offhand ${command}`);
      expect(text).toMatch(/Examples:\n.*\S/);
    },
  );

  test('lists every command, and the version is that of the package', async () => {
    const [text, version] = await Promise.all([ok(['--help']), ok(['--version'])]);
    for (const command of ['server', 'status', 'run', 'stop', 'grapher', 'token']) {
      expect(text).toContain(`offhand ${command}`);
    }
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('run', () => {
  test.each(['f.mjs', 'f.cjs', 'f.js', 'f.ts'])(
    'calls a function of %s with JSON arguments',
    async (file) => {
      expect(await ok(['run', `${file}#add`, '2', '3'])).toBe('5');
    },
  );

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

  test('says what is wrong with an argument, an export or a file', async () => {
    const [notJson, noExport, notAFunction, noFile, broken, noTarget] = await Promise.all([
      refused(['run', 'f.mjs#add', 'abc']),
      refused(['run', 'f.mjs#nothing']),
      refused(['run', 'f.ts#notAFunction']),
      refused(['run', 'missing.mjs#add']),
      refused(['run', 'broken.mjs#add']),
      refused(['run']),
    ]);
    expect(notJson).toMatch(/argument 1: expected JSON, got abc; .*'"abc"'/);
    expect(noExport).toMatch(/f\.mjs has no function nothing; .*add/);
    expect(notAFunction).toMatch(/f\.ts has no function notAFunction; .*add/);
    expect(noFile).toContain('missing.mjs: there is no such file');
    expect(broken).toMatch(/broken\.mjs cannot be loaded: broken at load/);
    expect(noTarget).toMatch(/^offhand: /);
  });

  test('explains that a function cannot use what stands around it', async () => {
    expect(await refused(['run', 'f.mjs#usesOutside'])).toMatch(/outside is not defined.*must be inside it/);
  });

  test('prints the message of what the function threw', async () => {
    expect(await refused(['run', 'f.mjs#fails'])).toMatch(/as meant/);
  });

  test('bounds the run by --timeout', async () => {
    const [late, inTime, notADuration] = await Promise.all([
      refused(['run', 'f.mjs#slow', '60000', '--timeout', '200ms']),
      ok(['run', 'f.mjs#slow', '1', '--timeout', '20s']),
      refused(['run', 'f.mjs#slow', '1', '--timeout', 'soon']),
    ]);
    expect(late).toMatch(/ran longer than.*200/);
    expect(inTime).toBe('done');
    expect(notADuration).toMatch(/--timeout: expected a duration/);
  });

  test('ends when it has printed the result, whatever its file keeps open', async () => {
    expect(await ok(['run', 'open.mjs#one'])).toBe('1');
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
    expect(Object.keys(document)).toEqual(['workers', 'queue']);
    expect(document.queue).toEqual(queue);
    expect(document.workers.map(({ worker }) => worker)).toEqual(['worker-1', 'worker-2']);
    for (const [index, worker] of document.workers.entries()) {
      expect(Object.keys(worker).sort()).toEqual(Object.keys(workers[index] ?? {}).sort());
    }
  });

  test('shows the workers, and the task that runs', async () => {
    const call = offhand(sandbox, ['run', 'f.mjs#slow', '600000', '--timeout', '8s']);
    await waitFor('the task to run', async () =>
      (await server.status()).workers.some(({ tasks }) => tasks.length > 0),
    );
    const [text, json] = await Promise.all([ok(['status']), ok(['status', '--json'])]);
    expect(text).toMatch(/worker-1.*127\.0\.0\.1:\d+/);
    expect(text).toMatch(/slow \d+\.\d s/);
    expect(text).toMatch(/2 workers, \d busy, 0 calls waiting/);
    const tasks = (JSON.parse(json) as StatusDocument).workers.flatMap((worker) => worker.tasks);
    expect(tasks).toEqual([
      { task_id: expect.any(String), name: 'slow', running_ms: expect.any(Number), remaining_ms: null },
    ]);
    expect((await call).code).toBe(1);
  });

  test('says that no pool answers, or that the token is wrong', async () => {
    const [nobody, stranger, noAddress] = await Promise.all([
      refused(['status', '--address', 'localhost:1']),
      refused(['status'], { OFFHAND_TOKEN: 'wrong' }),
      refused(['status', '--address', 'http://localhost']),
    ]);
    expect(nobody).toMatch(/no pool answers at localhost:1/);
    expect(stranger).toMatch(/does not know this token.*OFFHAND_TOKEN/);
    expect(noAddress).toMatch(/expected HOST:PORT/);
  });
});

describe('any command', () => {
  test('refuses what it does not know, naming it and --', async () => {
    const [command, flag, stray] = await Promise.all([
      refused(['nonsense']),
      refused(['status', '--nonsense']),
      refused(['server', '2', '7000']),
    ]);
    expect(command).toContain('nonsense');
    expect(flag).toContain('nonsense');
    expect(stray).toMatch(/7000.* -- /);
  });

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
