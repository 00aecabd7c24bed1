import { setTimeout as delay } from 'node:timers/promises';
import { nowMs } from './clock.js';
import type { PoolUnderTest } from './pool-under-test.js';

/** How long a pool may take to be whole again, in ms: starting a worker, and what it waits for before another start. */
const RECOVERY_MS = 15_000;
const POLL_MS = 50;

/** When as many workers as wanted were attached and running; undefined when they were not in time. */
export async function whenWhole(pool: PoolUnderTest): Promise<number | undefined> {
  const until = nowMs() + RECOVERY_MS;
  while (nowMs() < until) {
    const status = await pool.status().catch(() => undefined);
    const running = status?.workers.filter(({ phase }) => phase === 'running').length;
    if (status && running === status.wanted && status.workers.length === status.wanted) return nowMs();
    await delay(POLL_MS);
  }
  return undefined;
}
