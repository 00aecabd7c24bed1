import type { LogEntry } from '../host/log-tail.js';
import type { Logger } from '../host/logger.js';
import type { PolicyName } from '../core/placement.js';
import type { TaskQueue } from '../queue/index.js';
import type { PoolStatus } from '../wire/status-document.js';

/** What somebody needs of a pool who speaks for it in another way than gRPC. */
export interface PoolFace {
  readonly queue: TaskQueue;
  readonly log: Logger;
  status(): Promise<PoolStatus>;
  /** Slots that somebody has a lease on. */
  leases(): number;
  /** @returns how many workers of its own the pool is to have from now on. @throws PoolError */
  scale(workers: number): Promise<number>;
  /** One worker finishes what it runs, and leaves for good. Resolves when it is gone. @throws PoolError `not-found` */
  drain(worker: string): Promise<void>;
  /** The newest lines of a worker's log, also of one that is gone. @throws PoolError `not-found` where it is not kept here */
  workerLog(worker: string): Promise<LogEntry[]>;
  /** How workers are chosen from now on. */
  setPolicy(policy: PolicyName): void;
  /** Whether a worker is attached, and the pool does not stop. */
  isReady(): boolean;
  /** Told of workers that come and go, by name. */
  onWorkers(listener: { attached(worker: string): void; gone(worker: string): void }): void;
}

/** Somebody who does. */
export interface Service {
  /** URL without a path. */
  readonly address: string;
  /** What a person opens in a browser; may let in whoever has it, so it goes into no log. */
  readonly link: string;
  readonly close: () => Promise<void>;
}

export type Serve = (pool: PoolFace) => Promise<Service>;
