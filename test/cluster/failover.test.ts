import { existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import { connect, type Pool, PoolError } from 'offhand';
import { NATS_SERVER, type NatsCluster, startNats } from '../support/nats.js';
import { isThere, testWith } from '../support/programs.js';
import { freeze, killNow, Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

const natsTest = testWith(NATS_SERVER);
const canRun = isThere(NATS_SERVER) || process.env['CI'] === 'true';

/** The coordinator is the parent of its worker. */
const whose = () => ({ coordinator: process.ppid, worker: process.pid });

describe('a client that came by the address of a cluster', () => {
  const sandbox = new Sandbox();
  let nats!: NatsCluster;
  let servers: TestServer[] = [];
  let pool!: Pool;

  const otherThan = (pid: number) => servers.find((server) => server.pid !== pid)?.pid;

  beforeAll(async () => {
    if (canRun) nats = await startNats(sandbox);
  });

  beforeEach(async () => {
    if (!canRun) return;
    // Those before them are gone, or are stopped now: two are there.
    for (const server of servers) if (server.child.exitCode === null) await server.stop();
    const flags = ['1', '--no-profile', '--store', nats.url(), '--coordinator-timeout', '20s'];
    servers = await Promise.all([startServer(sandbox, flags), startServer(sandbox, flags)]);
    pool = await connect(nats.url(), { token: servers[0]?.token ?? '' });
  }, 90_000);

  afterAll(async () => {
    await pool?.close();
    await sandbox[Symbol.asyncDispose]();
  });

  natsTest(
    'goes on with another coordinator when the machine of its own is lost',
    async () => {
      const kept = await pool.submit(() => 'kept', []);
      expect(await kept.result()).toBe('kept');
      const { coordinator, worker } = await pool.run(whose);
      killNow(coordinator);
      killNow(worker);
      expect((await pool.run(whose)).coordinator).toBe(otherThan(coordinator));
      // What was submitted lives on, and its handle with it.
      expect(await kept.result()).toBe('kept');
      expect(await kept.state()).toBe('succeeded');
      expect(await (await pool.submit(() => 'new', [])).result()).toBe('new');
    },
    90_000,
  );

  natsTest(
    'a call under way is tried again there, or fails where it must not run twice',
    async () => {
      const { coordinator, worker } = await pool.run(whose);
      const begun = [sandbox.path('begun-1'), sandbox.path('begun-2')] as const;
      const stay = async (there: number, file: string) => {
        (await import('node:fs')).writeFileSync(file, '');
        if (process.ppid === there) await new Promise((resolve) => setTimeout(resolve, 600_000));
        return process.ppid;
      };
      const again = pool.run(stay, coordinator, begun[0]);
      await waitFor('the call to begin', () => existsSync(begun[0]));
      const once = pool.with({ retries: 0 }).run(stay, coordinator, begun[1]);
      once.catch(() => undefined);
      killNow(coordinator);
      killNow(worker);
      expect(await again).toBe(otherThan(coordinator));
      // It had not begun, as its worker had one slot: so it runs too.
      expect(await once).toBe(otherThan(coordinator));
    },
    90_000,
  );

  natsTest(
    'a call with retries: 0 that was under way fails as one that may have run',
    async () => {
      const { coordinator, worker } = await pool.run(whose);
      const file = sandbox.path('begun-3');
      const call = pool.with({ retries: 0 }).run(async (path: string) => {
        (await import('node:fs')).writeFileSync(path, '');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      }, file);
      const failed = call.catch((error: unknown) => error);
      await waitFor('the call to begin', () => existsSync(file));
      killNow(coordinator);
      killNow(worker);
      expect(await failed).toMatchObject({ code: 'worker-lost', mayHaveRun: true });
    },
    90_000,
  );

  natsTest(
    'a call whose worker lives completes there, though its coordinator is gone',
    async () => {
      const { coordinator } = await pool.run(whose);
      const go = sandbox.path('go');
      const call = pool.with({ retries: 0 }).run(async (path: string) => {
        const { existsSync: isThereNow } = await import('node:fs');
        while (!isThereNow(path)) await new Promise((resolve) => setTimeout(resolve, 20));
        return process.ppid;
      }, go);
      killNow(coordinator);
      expect((await pool.run(whose)).coordinator).toBe(otherThan(coordinator));
      writeFileSync(go, '');
      // Its worker has no parent any more: some other process has taken it in.
      expect(await call).not.toBe(otherThan(coordinator));
    },
    90_000,
  );

  natsTest(
    'leaves a machine that is frozen, though its connections stand',
    async () => {
      const { coordinator, worker } = await pool.run(whose);
      const waiting = await pool.submit(() => process.ppid, [], { delayMs: 1_000 });
      const result = waiting.result();
      for (const pid of [coordinator, worker]) await freeze(pid);
      expect((await pool.run(whose)).coordinator).toBe(otherThan(coordinator));
      expect(await result).toBe(otherThan(coordinator));
      for (const pid of [coordinator, worker]) process.kill(pid, 'SIGCONT');
    },
    120_000,
  );

  natsTest(
    'waits for one to come when none is there, and no longer than it was told to',
    async () => {
      await pool.close();
      pool = await connect(nats.url(), { token: servers[0]?.token ?? '', reconnectTimeoutMs: 2_000 });
      for (const server of servers)
        for (const { pid } of sandbox.processes()) if (pid === server.pid) killNow(pid);
      const refused = await pool.run(whose).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(PoolError);
      expect(refused).toMatchObject({ code: 'unavailable' });
    },
    90_000,
  );
});
