import { setTimeout as delay } from 'node:timers/promises';
import { UNUSED_LEASE_TTL_MS } from '../src/core/scheduler/lease.js';
import { killNow } from '../test/support/sandbox.js';
import type { Client, Clients } from './clients.js';
import { nowMs } from './clock.js';
import type { Fault, Restart } from './history.js';
import type { PlannedFault } from './plan.js';
import type { PoolUnderTest } from './pool-under-test.js';
import type { Proxy } from './proxy.js';
import { whenWhole } from './recovery.js';
import type { SlotProxies } from './slot-proxies.js';

/** For how long after a restart of the coordinator the steady client cannot reach it, in ms; less than a lease lives. */
const APART_MS = 1_500;
/** How often it is killed at most until one has come back before its workers had to take it for lost. */
const MOST_RESTARTS = 3;
/** By how much what befalls a coordinator may come before it is seen, in ms: when it was last heard of, when the next one listens. */
const HEARD_BEFORE_MS = 300;
/** By how much each message is late on a delayed connection, in ms. */
const LATE_MS = 150;

/** Whom the nemesis may hit. */
export interface Victims {
  pool: PoolUnderTest;
  clients: Clients;
  slots: SlotProxies;
}

/** Does the harm that was planned, and writes down what it did. */
export class Nemesis {
  readonly #victims: Victims;
  readonly restarts: Restart[] = [];
  coordinatorKills = 0;
  #isCoordinatorHit = false;

  constructor(victims: Victims) {
    this.#victims = victims;
  }

  /** Resolves when the last of the faults is over. What found nobody to hit is left out. */
  async harm(round: readonly PlannedFault[]): Promise<Fault[]> {
    const faults: Promise<Fault | undefined>[] = [];
    for (const planned of round) {
      await delay(planned.afterMs);
      faults.push(this.#inflict(planned));
    }
    return (await Promise.all(faults)).filter((fault) => fault !== undefined);
  }

  async #inflict(planned: PlannedFault): Promise<Fault | undefined> {
    const at = nowMs();
    const target = await this.#hit(planned);
    return target === undefined ? undefined : { kind: planned.kind, target, at, until: nowMs() };
  }

  /** Returns who was hit, when it is over. */
  async #hit({ kind, pick, durationMs }: PlannedFault): Promise<string | undefined> {
    const { pool, clients } = this.#victims;
    switch (kind) {
      case 'kill-worker':
        return onOne(pool.workerPids, pick, (pid) => killNow(pid));
      case 'freeze-worker':
      case 'freeze-worker-for-long':
        return onOne(pool.workerPids, pick, (pid) => freeze(pid, durationMs));
      case 'cut-session':
      case 'delay-session':
      case 'half-close-session':
        return onOne(this.#sessions, pick, ({ proxy }) => disturb(proxy, kind, pick, durationMs));
      case 'cut-slot':
      case 'delay-slot':
      case 'half-close-slot':
        return onOne(this.#victims.slots.all, pick, ({ proxy }) => disturb(proxy, kind, pick, durationMs));
      case 'kill-client':
        return onOne(clients.all, pick, (client) => clients.replace(client));
      case 'freeze-client':
        return onOne(clients.all, pick, ({ pid }) => freeze(pid, durationMs));
      case 'restart-coordinator':
        return this.#onCoordinator(() => this.#restart());
      case 'restart-coordinator-alone':
        return this.#onCoordinator(() => this.#restartBehind());
      case 'freeze-coordinator':
        return this.#onCoordinator(() => freeze(pool.pid, durationMs));
    }
  }

  get #sessions(): Client[] {
    return this.#victims.clients.all;
  }

  /** One thing at a time happens to it. */
  async #onCoordinator(harm: () => Promise<void>): Promise<string | undefined> {
    if (this.#isCoordinatorHit) return undefined;
    this.#isCoordinatorHit = true;
    await harm();
    this.#isCoordinatorHit = false;
    return 'coordinator';
  }

  async #restart(): Promise<void> {
    this.coordinatorKills += 1;
    await this.#victims.pool.kill();
    await this.#victims.pool.restart();
  }

  /**
   * The steady client is kept from it for a while: its leases have to live on all the same. Unless the coordinator was away
   * for so long that workers had to take it for lost, and themselves for given up: a busy machine may need several restarts
   * until one shows anything.
   */
  async #restartBehind(): Promise<void> {
    const before = this.restarts.length;
    for (let times = 0; times < MOST_RESTARTS && this.restarts.length === before; times++)
      await this.#restartBehindOnce();
  }

  async #restartBehindOnce(): Promise<void> {
    const { pool, clients } = this.#victims;
    const { steady } = clients;
    const killedAt = nowMs();
    const { workerTimeoutMs } = pool;
    steady?.proxy.refuse();
    await this.#restart();
    const upAt = nowMs();
    const wholeAt = (await whenWhole(pool)) ?? Infinity;
    await delay(APART_MS);
    steady?.proxy.heal();
    const reachableAt = nowMs();
    const isInTime = wholeAt - killedAt < workerTimeoutMs - HEARD_BEFORE_MS;
    // After that much its leases are free, claimed or not.
    const isClaimable = reachableAt - upAt < UNUSED_LEASE_TTL_MS - HEARD_BEFORE_MS;
    if (steady && isInTime && isClaimable) this.restarts.push({ killedAt, reachableAt, client: steady.name });
  }
}

async function onOne<T extends number | { name: string }>(
  all: readonly T[],
  pick: number,
  harm: (one: T) => unknown,
): Promise<string | undefined> {
  const one = all[Math.floor(pick * all.length)];
  if (one === undefined) return undefined;
  await harm(one);
  return typeof one === 'number' ? `process ${one}` : one.name;
}

async function freeze(pid: number, ms: number): Promise<void> {
  signal(pid, 'SIGSTOP');
  await delay(ms);
  signal(pid, 'SIGCONT');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // Another fault has ended it.
  }
}

async function disturb(proxy: Proxy, kind: string, pick: number, ms: number): Promise<void> {
  if (kind.startsWith('half-close')) proxy.halfClose((pick * 1_000) % 2 < 1 ? 'near' : 'far');
  else if (kind.startsWith('cut')) proxy.refuse();
  else proxy.delay(LATE_MS);
  await delay(ms);
  proxy.heal();
}
