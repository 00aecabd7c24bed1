import { setTimeout as delay } from 'node:timers/promises';
import { type Pool, PoolError } from 'offhand';
import type { Random } from './random.js';

const LINES = 16;

const noop = (n: number): number => n;
const spin = (ms: number): number => {
  const until = performance.now() + ms;
  while (performance.now() < until);
  return ms;
};
const nap = (ms: number): Promise<number> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(ms), ms);
  });
const lengthOf = (bytes: Uint8Array): number => bytes.length;
const fail = (n: number): never => {
  throw new Error(`${n}`);
};

/** Keeps a pool busy with a bit of everything, and notes how long no-ops take. */
export class SoakLoad {
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #bulk = new Uint8Array(200_000);
  #latencies: number[] = [];
  #isStopping = false;
  calls = 0;
  /** What ought not to have happened. */
  readonly surprises: string[] = [];
  readonly #lines: Promise<void[]>;

  constructor(pool: Pool, random: Random) {
    this.#pool = pool;
    this.#random = random;
    this.#lines = Promise.all(Array.from({ length: LINES }, () => this.#line()));
  }

  /** How long each no-op has taken since this was last asked, in ms. */
  takeLatencies(): number[] {
    const latencies = this.#latencies;
    this.#latencies = [];
    return latencies;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#lines;
  }

  async #line(): Promise<void> {
    while (!this.#isStopping) {
      await this.#call().catch((error: unknown) => this.surprises.push(String(error)));
      this.calls += 1;
      await delay(this.#random.between(0, 10));
    }
  }

  async #call(): Promise<void> {
    const dice = this.#random.between(0, 1_000);
    if (dice < 700) await this.#timed();
    else if (dice < 850) await this.#pool.run(spin, this.#random.between(1, 10));
    else if (dice < 950) await this.#pool.run(nap, 20);
    else if (dice < 980) await this.#pool.run(lengthOf, this.#bulk);
    else if (dice < 998) await this.#pool.run(fail, dice).catch(expectError(Error));
    // Costs its thread: another one is started.
    else await this.#pool.with({ timeoutMs: 50 }).run(spin, 10_000).catch(expectError(PoolError));
  }

  async #timed(): Promise<void> {
    const at = performance.now();
    await this.#pool.run(noop, 1);
    this.#latencies.push(performance.now() - at);
  }
}

function expectError(kind: new (...args: never[]) => Error): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof kind)) throw error;
  };
}
