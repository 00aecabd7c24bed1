import type { PortRange } from '../wire/address.js';

/** What a pool is started with; resolved, nothing left to default. Durations in ms. */
export interface ServerOptions {
  workers: number;
  /** Address to listen on, for the coordinator and for its workers. */
  host: string;
  /** Ports to try for the coordinator, in order; 0 is any free one. */
  ports: readonly number[];
  /** Ports that workers try, in order; any free one where undefined. */
  workerPorts: PortRange | undefined;
  slots: number;
  /** Undefined: whoever reaches the port may run code. */
  token: string | undefined;
  /** CSV file of the profile; none is written where undefined. */
  profile: string | undefined;
  profileIntervalMs: number;
  /** Folder of the log files; none are written where undefined. */
  logDir: string | undefined;
  /** Whether to log for people on stderr too. */
  logPretty: boolean;
  /** How long workers go on without their coordinator; 0: they end with it. */
  coordinatorTimeoutMs: number;
  /** How often coordinator and workers tell each other that they live. */
  heartbeatIntervalMs: number;
  /** After how long a silence a worker counts as lost. */
  workerTimeoutMs: number;
  /** How long running tasks may take to finish when the pool stops. */
  drainTimeoutMs: number;
  /** Whether to tell other processes of this user where the pool is. */
  announce: boolean;
  /** Whether to serve health checking and reflection, for tools. */
  standardServices: boolean;
}

/** What the process of a pool tells the one that started it. */
export type ServerNotice =
  | { type: 'started'; host: string; port: number; profile: string | undefined }
  | { type: 'failed'; code: string; message: string };

/** What the process that started a pool may ask of it. */
export type ServerRequest = { type: 'start'; options: ServerOptions } | { type: 'stop' };
