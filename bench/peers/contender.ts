/** One pool, by what the benchmark asks of it. Two workers, one client. */
export interface Contender {
  start(): Promise<void>;
  /** One call that does nothing. */
  noOp(): Promise<unknown>;
  /** So many of them at once. */
  noOps(count: number): Promise<unknown>;
  /** So many items through the pool's own loop over items, where it has one. */
  map?(count: number): Promise<unknown>;
  /** Some 10 ms of work. */
  spin(rounds: number): Promise<unknown>;
  /** A large argument; answers its length. */
  take(array: Float64Array): Promise<unknown>;
  /** A large result of so many numbers. */
  give(length: number): Promise<unknown>;
  /** Of the processes that run tasks, where they are not this one. */
  workerPids(): Promise<number[]>;
  stop(): Promise<void>;
}

/** Float64Array of 1 MiB. */
export const MEBIBYTE = 131_072;

export const atOnce = (count: number, call: (index: number) => Promise<unknown>): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, (_, index) => call(index)));
