import type { LogEntry } from '../host/log-tail.js';
import type { Logger } from '../host/logger.js';
import type { PolicyName } from '../core/scheduler/placement.js';
import type { TaskQueue } from '../queue/index.js';
import type { ProfileSoFar } from './profile-file.js';
import type { ClusterStatus } from '../wire/cluster-document.js';
import type { PoolStatus } from '../wire/status-document.js';

/** What a slot ran, or runs. */
export interface Attempted {
  readonly worker: string;
  readonly slot: number;
  /** Of a submitted task its id; of a direct one what its client calls it. */
  readonly taskId: string;
  readonly name: string;
  /** In ms since 1970, with fractions. */
  readonly startedAt: number;
  readonly state: 'running' | 'completed' | 'failed';
  /** In ms; 0 while it runs. */
  readonly runMs: number;
}

export interface AttemptNews {
  /** When this was told, in ms since 1970. */
  readonly at: number;
  /** What is told as running is told once more when it has ended. */
  readonly attempts: readonly Attempted[];
  /** Short ones that have ended and are not among these. */
  readonly skipped: number;
}

/** What a service needs of its pool that lets people at it in another way than gRPC. */
export interface PoolFace {
  readonly queue: TaskQueue;
  readonly log: Logger;
  status(): Promise<PoolStatus>;
  /** Those that share its store, itself among them. */
  cluster(): Promise<ClusterStatus>;
  /** Slots that somebody has a lease on. */
  leases(): number;
  /** Requests for a lease that wait. */
  requests(): number;
  /** @returns how many workers of its own the pool is to have from now on. @throws PoolError */
  scale(workers: number): Promise<number>;
  /** One worker finishes what it runs, and leaves for good. Resolves when it is gone. @throws PoolError `not-found` */
  drain(worker: string): Promise<void>;
  /** The newest lines of a worker's log, also of one that is gone. @throws PoolError `not-found` where it is not kept here */
  workerLog(worker: string): Promise<LogEntry[]>;
  /** The profile so far, or the last of it; undefined where none is written. @throws PoolError `not-found` */
  profile(lastMs?: number): Promise<ProfileSoFar> | undefined;
  /** How workers are chosen from now on. */
  setPolicy(policy: PolicyName): void;
  /** Whether a worker is attached, and the pool does not stop. */
  isReady(): boolean;
  /** Told what the slots run, of direct tasks too; workers tell only while somebody listens. @returns stops */
  watchAttempts(listener: (news: AttemptNews) => void): () => void;
  /** Told of workers that come and go, by name. */
  onWorkers(listener: { attached(worker: string): void; gone(worker: string): void }): void;
}

/** Such a service, while it runs. */
export interface Service {
  /** URL without a path. */
  readonly address: string;
  /** What a person opens in a browser; may let in whoever has it, so it goes into no log. */
  readonly link: string;
  readonly close: () => Promise<void>;
}

export type Serve = (pool: PoolFace) => Promise<Service>;
