/**
 * A task that survives the loss of a machine, while somebody watches it. Two machines are two servers here, and share one
 * nats-server; docs/cluster.md has the real thing.
 *
 *     apt-get install nats-server
 *     npm run example examples/cluster.ts        # by itself: starts all of it
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type Pool } from 'offhand';

const folder = mkdtempSync(join(tmpdir(), 'offhand-cluster-'));
const port = await freePort();
const store = `nats://127.0.0.1:${port}`;
const nats = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], {
  stdio: 'ignore',
});
nats.once('error', (error) => {
  console.error(`nats-server cannot be started (${error.message}); apt-get install nats-server`);
  process.exit(1);
});

/** A machine: a coordinator, and a worker. */
function startMachine(): ChildProcess {
  const offhand = fileURLToPath(new URL('cli/main.js', import.meta.resolve('offhand')));
  const flags = ['1', '--store', store, '--no-profile', '--no-http', '--log-dir', folder];
  return spawn(process.execPath, [offhand, 'server', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Takes a while, and tells how far it is, and where. */
async function work(steps: number): Promise<number> {
  for (let step = 1; step <= steps; step++) {
    __offhand.progress(step / steps, JSON.stringify({ coordinator: process.ppid, worker: process.pid }));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return process.ppid;
}

const machines: ChildProcess[] = [];
try {
  machines.push(startMachine(), startMachine());
  await Promise.all(machines.map(isUp));
  await watch(await connect(store));
} finally {
  for (const child of [...machines, nats]) {
    child.kill();
    await whenEnded(child);
  }
  rmSync(folder, { recursive: true, force: true });
}

async function watch(pool: Pool): Promise<void> {
  await using _ = pool;
  const task = await pool.submit(work, [20]);
  let lost: number | undefined;
  for await (const event of task) {
    if (event.type === 'state') console.log(`it is ${event.state}`);
    if (event.type !== 'progress' || event.fraction < 0.1 || lost !== undefined) continue;
    const { coordinator, worker } = JSON.parse(event.note ?? '{}') as { coordinator: number; worker: number };
    console.log(`it is at ${event.fraction * 100} %, and its machine is lost`);
    for (const pid of [coordinator, worker]) process.kill(pid, 'SIGKILL');
    lost = coordinator;
  }
  const ended = await task.result();
  const other = machines.find(({ pid }) => pid !== lost);
  assert.notEqual(lost, undefined);
  assert.equal(ended, other?.pid);
  const { attempt } = await task.details();
  console.log(`it ended on the other machine, in attempt ${attempt}`);
}

/** Once it says how it is stopped, it is there. */
function isUp(machine: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    machine.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.includes('to stop')) resolve();
    });
    machine.once('exit', () => reject(new Error('a machine did not start')));
  });
}

function whenEnded(child: ChildProcess): Promise<unknown> {
  return child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}
