// What the processes of one pool say to one another over the channel between parent and child.
import type { ScaleLimits } from '../core/autoscaler.js';
import type { WorkerId } from '../core/ids.js';
import type { MemoryLimits } from '../core/memory-limits.js';
import type { LogLevel } from '../core/log-level.js';
import type { Permission } from '../core/permissions.js';
import type { PolicyName } from '../core/scheduler/placement.js';
import type { Address, PortRange } from './address.js';
import type { ClusterAddress } from './cluster-address.js';
import type { NamedFunction } from './functions/named.js';
import type { Credentials } from './credentials.js';

/** What the workers of a pool have in common. Durations in ms. */
export interface CommonWorkerOptions extends MemoryLimits {
  /** Without a token, whoever reaches the port may run code. */
  credentials: Credentials;
  /** Address to listen on. */
  host: string;
  /** Name or address by which clients reach it. */
  advertise: string;
  slots: number;
  /** What tasks may ask for. */
  tags: readonly string[];
  /** After how many tasks a worker makes room for another one; never for that where undefined. */
  maxTasks: number | undefined;
  /** How much each attempt at a task may print; what comes after is dropped. */
  maxOutputBytes: number;
  /** How many files, sockets and pipes a worker may have open; as many as the system allows where undefined. */
  maxOpenFiles: number | undefined;
  /** How long workers go on without their coordinator before they end themselves; 0: they end with it. */
  coordinatorTimeoutMs: number;
  /** How long what runs may take when the pool stops, or whoever started the worker is gone. */
  drainTimeoutMs: number;
  /** Folder of the log files; none are written where undefined. */
  logDir: string | undefined;
  logLevel: LogLevel;
  /** Whether debuggers of this machine may attach to workers. */
  inspect: boolean;
  /** What workers are passed of the environment of whoever starts them, beside what they need; all of it where undefined. */
  passEnv: readonly string[] | undefined;
  /** What tasks may do under Node's permission model; anything where undefined. */
  permissions: readonly Permission[] | undefined;
  /** Whether to serve health checking and reflection, for tools. */
  standardServices: boolean;
  /** The functions that may run; any where undefined. Workers and their coordinator have to have the same. */
  functions: readonly NamedFunction[] | undefined;
  /** File of who ran what; nobody keeps that where undefined. */
  auditLog: string | undefined;
}

/** What a pool is started with; resolved, nothing left to default. Durations in ms. */
export interface ServerOptions extends CommonWorkerOptions {
  workers: number;
  /** Ports to try for the coordinator, in order; 0 is any free one. */
  ports: readonly number[];
  /** Ports that workers try, in order; any free one where undefined. */
  workerPorts: PortRange | undefined;
  /** The same for single workers, from worker-1 on, in place of that. */
  tagsByWorker: readonly (readonly string[])[];
  /** CSV file of the profile; none is written where undefined. */
  profile: string | undefined;
  profileIntervalMs: number;
  /** Whether to log for people on stderr too. */
  logPretty: boolean;
  /** How often coordinator and workers tell each other that they live. */
  heartbeatIntervalMs: number;
  /** After how long a silence a worker counts as lost. */
  workerTimeoutMs: number;
  /** File that the scheduler's events are written to; none is written where undefined. */
  eventLog: string | undefined;
  /** How a worker is chosen for a lease. */
  policy: PolicyName;
  /** Within what the number of workers follows the work; undefined where it stays as it is. */
  scaleLimits: ScaleLimits | undefined;
  /** Where to look for workers that wait to be found. */
  discover: readonly SearchRange[];
  /** Where submitted tasks are kept, and for how long what came of them. */
  queue: QueueOptions;
  /** Where its workers have working folders of their own; where undefined they have that of the server. */
  workDir: WorkDir | undefined;
  /** Whether to tell other processes of this user where the pool is. */
  announce: boolean;
}

export interface QueueOptions {
  /** In the memory of the coordinator's process, in files in a folder, or in a NATS cluster that others share. */
  store: 'memory' | { folder: string } | { cluster: ClusterAddress; replicas: number };
  /** For how long results are kept, in ms, and how many. */
  keepMs: number;
  keepCount: number;
  /** How many tasks may be without an outcome; further ones are refused. */
  maxQueued: number;
}

/** Where workers have working folders: in a folder that was named and stays, or in one that ends with the pool. */
export type WorkDir = { kind: 'kept'; path: string } | { kind: 'temporary' };

/** The working folder of one worker. */
export interface WorkFolder {
  /** Absolute. */
  path: string;
  /** Whether it goes with its worker, where nobody else is left to see to that. */
  isTemporary: boolean;
}

/** How results are kept unless asked for otherwise. */
export const KEEP_RESULTS = { keepMs: 3_600_000, keepCount: 100_000 };

/** How many tasks a queue takes unless told otherwise: about a GB of memory. */
export const MAX_QUEUED = 1_000_000;

/** Ports of one host, among which one side of a pool looks for the other. */
export interface SearchRange {
  host: string;
  ports: readonly number[];
}

/** What the process that started a pool may ask of it. */
export type ServerRequest = { type: 'start'; options: ServerOptions } | { type: 'stop' };

/** What the process of a pool tells the one that started it. */
export type ServerNotice =
  | { type: 'started'; host: string; port: number; profile: string | undefined }
  | { type: 'failed'; code: string; message: string };

/** What a worker is started with; resolved, nothing left to default. */
export interface WorkerOptions extends CommonWorkerOptions {
  /** Of this incarnation; new at every start. */
  id: WorkerId;
  /** Name to attach under: `worker-2`. Undefined: it comes by itself, and the coordinator gives it one. */
  name: string | undefined;
  /** One that has come by itself, whose process has ended: this one takes its place. */
  replaces: { id: WorkerId; name: string } | undefined;
  /** Whether it is to wait until a coordinator finds it; else it is told of one. */
  isWaiting: boolean;
  /** Whether coordinators may find it, and take it on while it belongs to none. */
  isDiscoverable: boolean;
  /** Ports to try, in order; any free one where undefined. Slots that listen on ports take them from the end. */
  ports: PortRange | undefined;
  /** Its working folder; that of whoever starts it where undefined. */
  folder: WorkFolder | undefined;
  /** Absolute path of the folder from which tasks import and require. */
  moduleFolder: string;
}

/** Where a worker finds its coordinator. */
export interface CoordinatorPlace extends Address {
  /** What the coordinator's certificate is for, which need not be the host that is dialled. */
  certifiedFor: string;
}

/**
 * What a supervised worker is told: what it is first, and where its coordinator is when that listens; and to finish what it
 * runs and leave.
 */
export type WorkerOrder =
  { options: WorkerOptions } | { coordinator: CoordinatorPlace } | { drainWithinMs: number };

/** Why a worker ends: its pool wants it no more, it is to be replaced, or its coordinator is gone. */
export type WorkerEnd = 'drained' | 'retired' | 'abandoned';

/** What a supervised worker tells the process that started it. */
export type WorkerNotice =
  | { type: 'listening'; port: number }
  | { type: 'started'; id: WorkerId; worker: string; coordinator: string }
  | { type: 'failed'; message: string }
  /** It takes nothing more, and leaves when it has finished what it runs, to be replaced. */
  | { type: 'retiring' }
  | { type: 'left'; end: WorkerEnd; message: string };
