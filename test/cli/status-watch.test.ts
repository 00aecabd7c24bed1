import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Look, ratesOf, watchedTable } from '../../src/cli/status-watch.js';
import type { PoolStatus, WorkerStatus } from '../../src/wire/status-document.js';
import { Command, MAIN } from '../support/cli.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, TestServer } from '../support/server.js';
import { Terminal } from '../support/terminal.js';
import { waitFor } from '../support/wait.js';

const worker = (more: Partial<WorkerStatus>): WorkerStatus => ({
  worker: 'worker-1',
  host: 'h',
  port: 1,
  pid: 1,
  phase: 'running',
  slots: 1,
  busy: false,
  tasks: [],
  completed: 0,
  failed: 0,
  tags: [],
  version: '1',
  cpu_ms: 0,
  uptime_ms: 0,
  rss_bytes: 0,
  deaths: 0,
  ...more,
});
const look = (at: number, ...workers: WorkerStatus[]): Look => ({ at, status: poolOf(workers) });
const poolOf = (workers: WorkerStatus[]): PoolStatus => ({
  workers,
  queue: { pending: 0, tasks: [] },
  wanted: workers.length,
  http_address: null,
  code: 'any',
  policy: 'first-free',
});

describe('what two looks tell together', () => {
  test('is how many tasks ended a second since the first, and the CPU since the last but one', () => {
    const looks = [
      look(0, worker({ completed: 2, cpu_ms: 100, uptime_ms: 1_000 })),
      look(1_000, worker({ completed: 3, cpu_ms: 200, uptime_ms: 2_000 })),
      look(2_000, worker({ completed: 9, failed: 1, cpu_ms: 700, uptime_ms: 3_000 })),
    ];
    expect(ratesOf(looks)).toEqual({ perSecond: 4, cpu: new Map([['worker-1', 50]]) });
  });

  test('is nothing after the first look', () => {
    expect(ratesOf([look(0, worker({}))])).toEqual({ perSecond: undefined, cpu: new Map() });
  });

  test('is no CPU of a process that has begun in between, or that did not answer', () => {
    const cpuOf = (before: Partial<WorkerStatus>, now: Partial<WorkerStatus>) =>
      ratesOf([look(0, worker(before)), look(1_000, worker(now))]);
    const now = { cpu_ms: 500, uptime_ms: 900 };
    expect(cpuOf({ pid: 1, cpu_ms: 9_000, uptime_ms: 9_000, completed: 5 }, { ...now, pid: 2 })).toEqual({
      perSecond: 0,
      cpu: new Map(),
    });
    expect(cpuOf({ uptime_ms: 0 }, now).cpu).toEqual(new Map());
    expect(cpuOf(now, { uptime_ms: 0 }).cpu).toEqual(new Map());
  });
});

describe('the table', () => {
  const rates = { perSecond: 1, cpu: new Map([['worker-1', 41.6]]) };
  const task = (name: string) => ({ task_id: 't', name, running_ms: 1_500, remaining_ms: null });

  test('shows what a worker uses and runs, without anything that a terminal would obey', () => {
    const busy = worker({ busy: true, tasks: [task('\u001b[2Jresize\n')], rss_bytes: 80 * 1024 * 1024 });
    const table = watchedTable(poolOf([busy]), rates, { columns: 200, rows: 40 });
    expect(table).toMatch(/worker-1 +busy +42 % +80 MiB +0 +0 +resize +1\.5 s/);
    expect(table).not.toContain('\u001b');
  });

  test('is no wider than the terminal, and no higher', () => {
    const many = Array.from({ length: 50 }, (_, n) =>
      worker({ worker: `worker-${n + 1}`, tasks: [task('a function with quite a long name')] }),
    );
    const lines = watchedTable(poolOf(many), rates, { columns: 60, rows: 20 }).split('\n');
    expect(lines.length).toBeLessThan(20);
    expect(Math.max(...lines.map((line) => line.length))).toBe(60);
    expect(lines.at(-1)).toBe('and 34 more');
    expect(lines.join()).not.toContain('worker-17 ');
  });
});

describe('offhand status --watch', () => {
  const sandbox = new Sandbox();
  let server!: TestServer;
  beforeAll(async () => {
    server = await startServer(sandbox, ['2', '--no-profile']);
  }, 40_000);
  afterAll(async () => {
    await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });
  const watch = (...flags: string[]) =>
    new Command(process.execPath, [MAIN, 'status', '--watch', ...flags], sandbox);
  const lines = (text: string) => text.split('\n').slice(0, -1);

  test('prints a line each second where there is no terminal, and ends on Ctrl-C', async () => {
    const command = watch();
    await waitFor('three lines', () => lines(command.stdout).length >= 3);
    command.signal('SIGINT');
    expect(await command.ended).toEqual({ code: 0, signal: null });
    const [first, ...rest] = lines(command.stdout);
    expect(first).toMatch(/^20\S+Z 2 workers, 0 busy, 0 waiting, \d+ MiB$/);
    for (const line of rest)
      expect(line).toMatch(/Z 2 workers, 0 busy, 0 waiting, 0\.0 tasks a second, CPU \d+ %, \d+ MiB$/);
    expect(command.stderr).toBe('');
  });

  test('prints a document each second with --json', async () => {
    const command = watch('--json');
    await waitFor('two documents', () => lines(command.stdout).length >= 2);
    command.signal('SIGINT');
    await command.ended;
    for (const line of lines(command.stdout))
      expect((JSON.parse(line) as PoolStatus).workers.map(({ worker }) => worker)).toEqual([
        'worker-1',
        'worker-2',
      ]);
  });

  test('ends when nobody reads it any more', async () => {
    const command = watch();
    await waitFor('a line', () => lines(command.stdout).length >= 1);
    command.child.stdout?.destroy();
    expect(await command.ended).toEqual({ code: 0, signal: null });
  });

  testWith('tmux')('draws a table in a terminal, and leaves the last one there', async () => {
    const terminal = new Terminal(sandbox, 'sh', [
      '-c',
      `trap : INT; "${process.execPath}" "${MAIN}" status --watch; echo ended $?; cat`,
    ]);
    const screen = await terminal.shows(/worker-2 .*tasks a second/s);
    expect(screen.match(/worker-1/g)).toHaveLength(1);
    terminal.press('C-c');
    expect(await terminal.shows(/ended 0/)).toMatch(/worker-2/);
    terminal.press('C-d');
    await terminal.ended();
  });

  test('waits for a pool that is gone, and goes on when it is back', async () => {
    const command = watch();
    await waitFor('a line', () => lines(command.stdout).length >= 1);
    const port = String(server.port);
    await server.stop();
    await waitFor('it to be missed', () => /no pool answers/.test(command.stdout));
    server = await new TestServer(sandbox, ['1', '--no-profile', '--no-http', '--port', port]).whenReady();
    await waitFor('the new one', () => /Z 1 worker,/.test(command.stdout));
    command.signal('SIGINT');
    expect((await command.ended).code).toBe(0);
  });
});
