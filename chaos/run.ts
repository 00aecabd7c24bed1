import { mkdirSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Sandbox } from '../test/support/sandbox.js';
import { check, type Violation } from './checker.js';
import { Clients } from './clients.js';
import { nowMs } from './clock.js';
import type { History, Round } from './history.js';
import { leftoversIn } from './leftovers.js';
import { STEADY } from './names.js';
import { Nemesis } from './nemesis.js';
import { planOf } from './plan.js';
import { PoolUnderTest } from './pool-under-test.js';
import { endsOf } from './queued.js';
import { Random } from './random.js';
import { readAttempts, readCalls } from './read-history.js';
import { whenWhole } from './recovery.js';
import { disturbedUntil, LEAST_COMPARED_MS } from './rules/shares.js';
import { SlotProxies } from './slot-proxies.js';

/** How long nothing happens before the first round, and after each: long enough to compare shares, though the machine stalls. */
const CALM_MS = LEAST_COMPARED_MS + 1_000;
/** How long workers wait for the first coordinator, in ms: it is the one that is killed first, and its return is what is judged. */
const FIRST_TIMEOUT_MS = 12_000;
/** How long the last calls may take once no more are made, in ms. */
const FINISH_MS = 20_000;

export interface RunSettings {
  seed: number;
  seconds: number;
  workers: number;
  slots: number;
  clients: number;
  /** The command that starts the pool. */
  main: string;
  /** What other processes run. */
  parts: { client: string; recorder: string };
}

export interface Run {
  history: History;
  violations: Violation[];
  /** Where everything is kept that was written, if something was wrong. */
  kept: string | undefined;
}

/** One pool, its clients and its nemesis, from beginning to end; then the verdict. */
export async function run(settings: RunSettings): Promise<Run> {
  await using sandbox = new Sandbox();
  const folder = join(sandbox.dir, 'history');
  mkdirSync(folder);
  const history = await live(sandbox, folder, settings);
  const violations = check(history);
  let kept: string | undefined;
  if (violations.length > 0) {
    kept = resolve(`build/chaos-seed-${settings.seed}`);
    await rm(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    const { rounds, restarts, clients } = history;
    await writeFile(
      join(kept, 'faults.json'),
      JSON.stringify({ violations, rounds, restarts, clients }, undefined, 1),
    );
    for (const part of ['history', 'cwd'])
      await cp(join(sandbox.dir, part), join(kept, part), { recursive: true });
  }
  return { history, violations, kept };
}

async function live(sandbox: Sandbox, folder: string, settings: RunSettings): Promise<History> {
  const { seed, workers, slots: slotsPerWorker, parts } = settings;
  const env = { CHAOS_HISTORY: folder, CHAOS_RECORDER: parts.recorder };
  const slots = new SlotProxies(join(sandbox.dir, 'run', 'offhand'));
  const pool = await PoolUnderTest.start(sandbox, {
    main: settings.main,
    workers,
    slots: slotsPerWorker,
    env,
    firstTimeoutMs: FIRST_TIMEOUT_MS,
    args: ['--store', `file:${join(sandbox.dir, 'queue')}`],
  });
  const clients = new Clients(sandbox, { program: parts.client, env, seed, port: pool.port });
  try {
    return await harmed(sandbox, folder, settings, pool, clients, slots);
  } catch (error) {
    throw new Error(`the server has printed: ${pool.output}`, { cause: error });
  }
}

async function harmed(
  sandbox: Sandbox,
  folder: string,
  settings: RunSettings,
  pool: PoolUnderTest,
  clients: Clients,
  slots: SlotProxies,
): Promise<History> {
  const { workers, slots: slotsPerWorker } = settings;
  // Clients would wait for it without an end.
  if ((await whenWhole(pool)) === undefined) throw new Error('the pool did not come up');
  await clients.start(STEADY);
  for (let count = 0; count < settings.clients; count++) await clients.start();
  const nemesis = new Nemesis({ pool, clients, slots });

  const rounds = await harmFor(settings, nemesis, pool, clients);
  await clients.finish(FINISH_MS);
  const calls = readCalls(folder);
  const queued = await endsOf(calls, pool, sandbox);
  const leftovers = await leftoversIn(sandbox, pool, clients);
  slots.close();
  return {
    workers,
    slotsPerWorker,
    calls,
    attempts: readAttempts(folder),
    clients: clients.lives,
    rounds,
    restarts: nemesis.restarts,
    queued,
    coordinatorKills: nemesis.coordinatorKills,
    leftovers,
  };
}

/** Round after round; the first is one in which nothing happens. */
async function harmFor(
  { seed, seconds }: RunSettings,
  nemesis: Nemesis,
  pool: PoolUnderTest,
  clients: Clients,
): Promise<Round[]> {
  const endsAt = nowMs() + seconds * 1_000;
  const plan = planOf(new Random(seed));
  const rounds: Round[] = [await calmAfter({ faults: [], startedAt: nowMs() }, pool, clients)];
  while (nowMs() < endsAt) {
    const startedAt = nowMs();
    const faults = await nemesis.harm(plan.next().value);
    rounds.push(await calmAfter({ faults, startedAt }, pool, clients));
    if (rounds.at(-1)?.recoveredAt === undefined) break;
  }
  return rounds;
}

async function calmAfter(
  harm: Pick<Round, 'faults' | 'startedAt'>,
  pool: PoolUnderTest,
  clients: Clients,
): Promise<Round> {
  const recoveredAt = await whenWhole(pool);
  if (recoveredAt === undefined) return { ...harm, recoveredAt };
  await delay(disturbedUntil({ ...harm, recoveredAt }) + CALM_MS - nowMs());
  return { ...harm, recoveredAt, calmUntil: nowMs(), clients: clients.all.map(({ name }) => name) };
}
