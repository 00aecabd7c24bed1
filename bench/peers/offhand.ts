import { type Pool, startPool } from 'offhand';
import { atOnce, type Contender } from './contender.js';
import { give, noOp, pid, spin, take } from './tasks.js';

export class Offhand implements Contender {
  #pool!: Pool;

  async start(): Promise<void> {
    this.#pool = await startPool({ workers: 2 });
  }

  noOp = () => this.#pool.run(noOp);
  noOps = (count: number) => atOnce(count, () => this.#pool.run(noOp));
  spin = (rounds: number) => this.#pool.run(spin, rounds);
  take = (array: Float64Array) => this.#pool.run(take, array);
  give = (length: number) => this.#pool.run(give, length);
  stop = () => this.#pool.close();

  async map(count: number): Promise<void> {
    const items = Array.from({ length: count }, (_, index) => index);
    let seen = 0;
    for await (const _ of this.#pool.map(noOp, items)) seen += 1;
    if (seen !== count) throw new Error(`expected ${count} results, got ${seen}`);
  }

  async workerPids(): Promise<number[]> {
    const pids = await Promise.all(Array.from({ length: 8 }, () => this.#pool.run(pid)));
    return [...new Set(pids)];
  }
}
