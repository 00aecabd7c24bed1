import type { Address, PortRange } from '../wire/address.js';

/** What a worker is started with; resolved, nothing left to default. */
export interface WorkerOptions {
  /** Name to attach under: `worker-2`. */
  name: string;
  /** Undefined where the pool runs without authentication. */
  token: string | undefined;
  /** Address to listen on, which clients dial. */
  host: string;
  /** Ports to try, in order; any free one where undefined. */
  ports: PortRange | undefined;
  slots: number;
  /** How long the worker goes on without its coordinator before it ends itself, in ms. */
  coordinatorTimeoutMs: number;
  /** Folder for this worker's log file; none is written where undefined. */
  logDir: string | undefined;
  /** Whether to serve health checking and reflection, for tools. */
  standardServices: boolean;
}

/** What a supervised worker is told: what it is first, and where its coordinator is when that listens. */
export type WorkerOrder = { options: WorkerOptions } | { coordinator: Address };

/** What a supervised worker tells the process that started it. */
export type WorkerNotice = { type: 'started'; port: number } | { type: 'failed'; message: string };
