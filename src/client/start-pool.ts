import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isErrorCode, PoolError } from '../core/errors.js';
import { POLICIES, type PolicyName } from '../core/scheduler/placement.js';
import { MAX_SLOTS } from '../core/scheduler/registry.js';
import { tagSet } from '../core/tags.js';
import { openFilesLimit } from '../core/open-files.js';
import { memoryLimits } from '../core/memory-limits.js';
import { outputLimit } from '../core/output-limit.js';
import { usableCores } from '../host/cpu-limit.js';
import { checkOpenFiles } from '../host/open-files.js';
import { newToken } from '../host/token.js';
import type { Address } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { loadParser } from '../wire/functions/free-names.js';
import { maxValueBytes } from '../wire/values/size-limit.js';
import {
  KEEP_RESULTS,
  MAX_QUEUED,
  type ServerNotice,
  type ServerOptions,
  type ServerRequest,
} from '../wire/process-messages.js';
import { connectPool } from './connect.js';
import { InlineExecutor } from './inline/inline-executor.js';
import { checkKeys, checkNumber, refuse } from './options.js';
import { Pool } from './pool.js';

export interface StartPoolOptions {
  /** How many worker processes. @default one per core that may be used (os.availableParallelism(), a cgroup's limit) */
  workers?: number;
  /** How many tasks a worker runs at a time, each in a thread of its own. @default 1 */
  slots?: number;
  /** How a worker is chosen, as `offhand server --policy` has it. @default 'first-free' */
  policy?: PolicyName;
  /**
   * What the workers have that calls may ask for (`requires`): `['gpu', 'mem=16g']` for all of them, or a list for each, from
   * worker-1 on; those for which there is no list have nothing. @default none
   */
  tags?: readonly string[] | readonly (readonly string[])[];
  /** CSV file for the pool's profile. @default none is written */
  profile?: string;
  /** How often the profile is sampled, in ms. @default 100 */
  profileIntervalMs?: number;
  /** Folder for log files. @default none are written */
  logDir?: string;
  /** How long running tasks may take to finish when the pool is closed, in ms. @default 0 */
  drainTimeoutMs?: number;
  /**
   * How much memory a worker process may use all in all (its resident set): `'2gb'`, `'512mb'`, or bytes. Above it, what runs
   * there ends in `out-of-memory`, and the process is replaced. @default no limit
   */
  maxRss?: string | number;
  /** After how many tasks a worker is replaced, once it has finished what it runs. @default never */
  maxTasksPerWorker?: number;
  /**
   * How much memory one task may use for JavaScript objects: `'512mb'`, or bytes. Buffers and typed arrays lie outside.
   * Above it the task ends in `out-of-memory`. @default what V8 takes by itself, some GB
   */
  maxHeap?: string | number;
  /**
   * How much one attempt at a task may print: `'1mb'`, or bytes. What it prints after that is dropped, which one line says.
   * @default '64mb'
   */
  maxOutput?: string | number;
  /**
   * How many files, sockets and pipes each worker may have open at a time. A task that opens more gets `EMFILE`. Not on Windows.
   * @default as many as this process may
   */
  maxOpenFiles?: number;
  /** Run everything in this process, for breakpoints; also `OFFHAND_INLINE=1`. @default false */
  inline?: boolean;
}

const KEYS = [
  'workers',
  'slots',
  'policy',
  'tags',
  'profile',
  'profileIntervalMs',
  'logDir',
  'drainTimeoutMs',
  'maxRss',
  'maxTasksPerWorker',
  'maxHeap',
  'maxOutput',
  'maxOpenFiles',
  'inline',
];

/**
 * Starts a pool of this process's own, on free ports of this machine, and connects to it. The pool ends with `close()`,
 * and at the latest with this process.
 *
 * @throws PoolError `invalid-argument`, or `unavailable` when it cannot start
 */
export async function startPool(options: StartPoolOptions = {}): Promise<Pool> {
  const settings = checked(options);
  if (options.inline ?? process.env['OFFHAND_INLINE'] === '1')
    return new Pool(new InlineExecutor(), undefined);
  const { address, credentials, stop } = await launchPool(options, settings);
  return connectPool(address, credentials, { reconnectMs: 0, onClose: stop });
}

/** A pool in a process that belongs to this one. */
export interface LaunchedPool {
  address: Address;
  credentials: Credentials;
  stop(this: void): Promise<void>;
}

function checked(options: StartPoolOptions) {
  maxValueBytes(); // Refused here, and not at the first call.
  checkOptions(options);
  const { workers = usableCores(), slots = 1 } = options;
  const tags = tagsOf(options.tags, workers);
  const maxOpenFiles = openFilesLimit(options.maxOpenFiles, slots, 'maxOpenFiles');
  checkOpenFiles(maxOpenFiles, 'maxOpenFiles');
  return {
    workers,
    slots,
    tags,
    limits: memoryLimits(options, slots, { maxRss: 'maxRss', maxHeap: 'maxHeap' }),
    maxOutputBytes: outputLimit(options.maxOutput, 'maxOutput'),
    maxOpenFiles,
  };
}

/** Starts it, and connects nobody to it yet. @throws PoolError as {@link startPool} */
export async function launchPool(
  options: StartPoolOptions,
  { workers, slots, tags, limits, maxOutputBytes, maxOpenFiles } = checked(options),
): Promise<LaunchedPool> {
  const { profileIntervalMs = 100, drainTimeoutMs = 0 } = options;
  const credentials = { token: newToken() };
  const child = fork(fileURLToPath(new URL('../server/process.js', import.meta.url)), {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const started = firstNotice(child);
  const { profile, logDir } = options;
  request(child, {
    type: 'start',
    options: {
      workers,
      slots,
      credentials,
      host: '127.0.0.1',
      advertise: '127.0.0.1',
      ports: [0],
      workerPorts: undefined,
      profile,
      profileIntervalMs,
      logDir,
      logLevel: 'info',
      logPretty: false,
      coordinatorTimeoutMs: 0,
      heartbeatIntervalMs: 1_000,
      workerTimeoutMs: 5_000,
      policy: options.policy ?? 'first-free',
      eventLog: undefined,
      ...tags,
      maxTasks: options.maxTasksPerWorker,
      maxOutputBytes,
      maxOpenFiles,
      drainTimeoutMs,
      ...limits,
      scaleLimits: undefined,
      discover: [],
      queue: { store: 'memory', ...KEEP_RESULTS, maxQueued: MAX_QUEUED },
      inspect: false,
      // Tasks are the program's own code, and so is what it has in its environment.
      passEnv: undefined,
      permissions: undefined,
      // They find the files that it would find.
      workDir: undefined,
      announce: false,
      standardServices: false,
      functions: undefined,
      auditLog: undefined,
    },
  });
  loadParser();
  const { host, port } = await started;
  // From here on only calls under way keep this process alive; when it ends, the pool notices and ends too.
  child.unref();
  child.channel?.unref();
  return { address: { host, port }, credentials, stop: () => stop(child) };
}

function request(child: ChildProcess, message: ServerRequest): void {
  child.send(message);
}

function firstNotice(child: ChildProcess): Promise<Address> {
  return new Promise((resolve, reject) => {
    child.once('message', (notice: ServerNotice) => {
      if (notice.type === 'started') resolve(notice);
      else reject(new PoolError(isErrorCode(notice.code) ? notice.code : 'internal', notice.message));
    });
    child.once('error', (error) =>
      reject(new PoolError('unavailable', `the pool cannot be started: ${error.message}`)),
    );
    child.once('exit', (code, signal) => {
      reject(new PoolError('unavailable', `the pool ended while starting (${signal ?? `code ${code}`})`));
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    request(child, { type: 'stop' });
  });
}

/** Of all workers, or of each. */
function tagsOf(
  tags: StartPoolOptions['tags'] = [],
  workers: number,
): Pick<ServerOptions, 'tags' | 'tagsByWorker'> {
  if (!Array.isArray(tags)) refuse('tags', 'an array of tags, or of such arrays', tags);
  if (!tags.some((one) => Array.isArray(one))) return { tags: tagSet(tags, 'tags').tags, tagsByWorker: [] };
  if (tags.length > workers)
    throw new PoolError(
      'invalid-argument',
      `tags: expected a list for each of the ${workers} workers at most, got ${tags.length}`,
    );
  const tagsByWorker = tags.map((list: unknown, index) => {
    const name = `tags[${index}]`;
    if (!Array.isArray(list)) refuse(name, 'an array of tags, as the others', list);
    return tagSet(list, name).tags;
  });
  return { tags: [], tagsByWorker };
}

function checkOptions(options: StartPoolOptions): void {
  checkKeys('startPool', options, KEYS);
  checkNumber('workers', options.workers, { least: 1, most: 10_000, whole: true });
  checkNumber('slots', options.slots, { least: 1, most: MAX_SLOTS, whole: true });
  if (options.policy !== undefined && !POLICIES.includes(options.policy))
    refuse('policy', POLICIES.join(', '), options.policy);
  checkNumber('maxTasksPerWorker', options.maxTasksPerWorker, { least: 1, whole: true });
  checkNumber('profileIntervalMs', options.profileIntervalMs, {
    least: 10,
    most: 3_600_000,
    whole: true,
  });
  checkNumber('drainTimeoutMs', options.drainTimeoutMs, { least: 0, most: 86_400_000, unit: ' of ms' });
  for (const name of ['profile', 'logDir'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== 'string') refuse(name, 'a path', value);
  }
  if (options.inline !== undefined && typeof options.inline !== 'boolean')
    refuse('inline', 'true or false', options.inline);
}
