import workerpool from 'workerpool';
import { atOnce, type Contender } from './contender.js';
import { give, noOp, pid, spin, take } from './tasks.js';

/** In threads of this process, or in processes of their own. */
export class Workerpool implements Contender {
  readonly #workerType: 'thread' | 'process';
  #pool!: ReturnType<typeof workerpool.pool>;

  constructor(workerType: 'thread' | 'process') {
    this.#workerType = workerType;
  }

  start(): Promise<void> {
    // Structured clone between processes too, as the others have it.
    const forkOpts = { serialization: 'advanced' as const };
    this.#pool = workerpool.pool({ workerType: this.#workerType, minWorkers: 2, maxWorkers: 2, forkOpts });
    return Promise.resolve();
  }

  noOp = () => this.#exec(noOp, []);
  noOps = (count: number) => atOnce(count, () => this.#exec(noOp, []));
  spin = (rounds: number) => this.#exec(spin, [rounds]);
  take = (array: Float64Array) => this.#exec(take, [array]);
  give = (length: number) => this.#exec(give, [length]);

  async workerPids(): Promise<number[]> {
    if (this.#workerType === 'thread') return [];
    const pids = await atOnce(8, () => this.#exec(pid, []));
    return [...new Set(pids as number[])];
  }

  async stop(): Promise<void> {
    await this.#pool.terminate();
  }

  #exec(fn: (...args: never[]) => unknown, args: unknown[]): Promise<unknown> {
    return Promise.resolve(
      this.#pool.exec(fn as (...args: unknown[]) => unknown, args) as PromiseLike<unknown>,
    );
  }
}
