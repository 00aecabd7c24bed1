import { Piscina } from 'piscina';
import { atOnce, type Contender } from './contender.js';

/** In threads of this process, with its defaults or with several tasks per thread at a time. */
export class PiscinaPool implements Contender {
  readonly #concurrentTasksPerWorker: number;
  #pool!: Piscina;

  constructor(concurrentTasksPerWorker: number) {
    this.#concurrentTasksPerWorker = concurrentTasksPerWorker;
  }

  start(): Promise<void> {
    this.#pool = new Piscina({
      filename: new URL('./tasks.mjs', import.meta.url).href,
      minThreads: 2,
      maxThreads: 2,
      concurrentTasksPerWorker: this.#concurrentTasksPerWorker,
    });
    return Promise.resolve();
  }

  noOp = () => this.#pool.run(undefined, { name: 'noOp' });
  noOps = (count: number) => atOnce(count, () => this.#pool.run(undefined, { name: 'noOp' }));
  map = (count: number) => atOnce(count, (index) => this.#pool.run(index, { name: 'noOp' }));
  spin = (rounds: number) => this.#pool.run(rounds, { name: 'spin' });
  take = (array: Float64Array) => this.#pool.run(array, { name: 'take' });
  give = (length: number) => this.#pool.run(length, { name: 'give' });
  workerPids = () => Promise.resolve([]);
  stop = () => this.#pool.destroy();
}
