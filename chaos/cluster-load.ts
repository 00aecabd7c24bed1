import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, PoolError, type Pool, type TaskHandle } from 'offhand';
import type { Sandbox } from '../test/support/sandbox.js';

/** How many go together, how long to wait before the next, and how long all may take in the end, in ms. */
const TOGETHER = 10;
const PAUSE_MS = 100;
const FINISH_MS = 120_000;

interface Acknowledged {
  id: string;
  expected: string;
  /** As it was told while the harm went on. */
  seen: string | undefined;
}

const echo = async (value: number, ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return value;
};
const once = async (value: number, file: string) => {
  const fs = await import('node:fs');
  fs.appendFileSync(file, `${value}\n`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  return value;
};
const add = (a: number, b: number) => a + b;
const fail = (value: number) => {
  throw new Error(`no ${value}`);
};

/** Tasks submitted to all coordinators, and what has to come of them. */
export class ClusterLoad {
  readonly #pools: Pool[];
  readonly #runs: string;
  readonly #tasks: Acknowledged[] = [];
  readonly #submitters: Promise<void>[];
  #isOver = false;

  private constructor(pools: Pool[], sandbox: Sandbox) {
    this.#pools = pools;
    this.#runs = sandbox.path('runs');
    appendFileSync(this.#runs, '');
    this.#submitters = pools.map((pool, index) => this.#submitAll(pool, (index + 1) * 1_000_000));
  }

  static async start(places: { address: string; token: string }[], sandbox: Sandbox): Promise<ClusterLoad> {
    const pools = places.map(({ address, token }) => connect(address, { token, reconnectTimeoutMs: 60_000 }));
    return new ClusterLoad(await Promise.all(pools), sandbox);
  }

  get acknowledged(): number {
    return this.#tasks.length;
  }

  /** Resolves when more tasks were acknowledged, or after half a minute: then the next harm comes anyway. */
  async moreAcknowledged(): Promise<void> {
    const before = this.#tasks.length;
    for (let waited = 0; this.#tasks.length < before + TOGETHER && waited < 30_000; waited += 10)
      await delay(10);
  }

  /** Submits no more, waits for all outcomes, and compares. */
  async finish(): Promise<{ violations: string[]; figures: string }> {
    this.#isOver = true;
    await Promise.all(this.#submitters);
    const violations: string[] = [];
    let losses = 0;
    const signal = AbortSignal.timeout(FINISH_MS);
    const all = await Promise.all(
      this.#tasks.map(({ id }) => Promise.all(this.#pools.map((pool) => outcomeOf(pool.task(id), signal)))),
    );
    for (const [index, { id, expected, seen }] of this.#tasks.entries()) {
      const told = new Set(all[index]);
      if (seen !== undefined) told.add(seen);
      const [outcome = '', ...others] = told;
      if (others.length > 0) violations.push(`task ${id}: has several outcomes: ${[...told].join('; ')}`);
      // So it ends where it may have run, and must not run again; or went down with too many coordinators.
      else if (outcome === 'worker-lost') losses += 1;
      else if (outcome !== expected) violations.push(`task ${id}: expected ${expected}, got ${outcome}`);
    }
    violations.push(...this.#runTwice());
    await Promise.all(this.#pools.map((pool) => pool.close()));
    const figures = `${this.#tasks.length} tasks acknowledged, ${losses} ended with their machines, ${violations.length} violations`;
    return { violations, figures };
  }

  *#runTwice(): Iterable<string> {
    const lines = existsSync(this.#runs) ? readFileSync(this.#runs, 'utf8').trim().split('\n') : [];
    const runs = new Set<string>();
    for (const line of lines) {
      if (runs.has(line)) yield `the task ${line} with retries: 0 has run twice`;
      runs.add(line);
    }
  }

  async #submitAll(pool: Pool, first: number): Promise<void> {
    for (let n = first; !this.#isOver; n += TOGETHER) {
      try {
        await this.#submit(pool, n);
      } catch (error) {
        // Not acknowledged: nothing is promised.
        if (!(error instanceof PoolError) || error.code !== 'unavailable') throw error;
      }
      await delay(PAUSE_MS);
    }
  }

  async #submit(pool: Pool, n: number): Promise<void> {
    const lists = Array.from({ length: TOGETHER }, (_, i): [number, number] => [n + i, (n + i) % 40]);
    const tasks = await pool.submitMany(echo, lists);
    tasks.forEach((task, i) => this.#note(pool, task, String(n + i)));
    const [a, b] = tasks;
    if (!a || !b) return;
    this.#note(pool, await pool.submit(add, [a, b], { key: `sum ${n}` }), String(2 * n + 1));
    this.#note(pool, await pool.submit(fail, [n], { delayMs: 200 }), `Error: no ${n}`);
    this.#note(pool, await pool.submit(once, [n, this.#runs], { retries: 0 }), String(n));
  }

  #note(pool: Pool, task: TaskHandle<unknown>, expected: string): void {
    const noted: Acknowledged = { id: task.id, expected, seen: undefined };
    this.#tasks.push(noted);
    if (this.#tasks.length % 7 === 0)
      void outcomeOf(pool.task(task.id), AbortSignal.timeout(5_000)).then((outcome) => {
        if (outcome === expected) noted.seen = outcome;
      });
  }
}

async function outcomeOf(task: TaskHandle<unknown>, signal: AbortSignal): Promise<string> {
  for (;;) {
    try {
      return String(await task.result({ signal }));
    } catch (error) {
      const code = error instanceof PoolError ? error.code : undefined;
      if (code === 'worker-lost') return code;
      // Nobody says how it stands at this moment: that is no outcome.
      if (code !== 'unavailable' || signal.aborted) return String(error);
      await delay(PAUSE_MS);
    }
  }
}
