export const WORKER_NAME = /^worker-\d{1,9}$/;

/** Names of workers, `worker-1` and so on: no two of a pool have the same one. */
export class WorkerNames {
  readonly #taken = new Set<string>();

  /** The name that is wished for, if nobody has it; else the first that is free. */
  take(wish?: string): string {
    let name = wish;
    for (let number = 1; !name || this.#taken.has(name); number++) name = `worker-${number}`;
    this.#taken.add(name);
    return name;
  }

  giveBack(name: string): void {
    this.#taken.delete(name);
  }
}

/** The number in a worker's name: workers are taken in this order. */
export function rankOf(name: string): number {
  return Number(/(\d+)$/.exec(name)?.[1] ?? Number.MAX_SAFE_INTEGER);
}
