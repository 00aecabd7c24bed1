import { LOG_LEVELS, type LogLevel } from '../../core/log-level.js';
import { MAX_OUTPUT } from '../../core/output-limit.js';
import type { ReachArguments } from './server-reach.js';

/** The flags that `offhand server` and `offhand worker` share: what the workers are like, and who can reach them. */
export const workerFlags = {
  host: {
    type: 'string',
    default: '127.0.0.1',
    describe: 'address to listen on; beyond this machine only with TLS',
  },
  advertise: {
    type: 'string',
    describe: 'name or address by which clients reach this machine  [default: that of --host]',
  },
  'worker-ports': { type: 'string', default: '5001-5100', describe: 'ports that workers take' },
  slots: { type: 'string', default: '1', describe: 'tasks that a worker runs at a time' },
  tag: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'what the workers have that tasks may ask for: gpu,mem=16g; may be given again',
  },
  'log-dir': { type: 'string', describe: 'folder of the log files  [default: logs]' },
  'log-level': {
    choices: LOG_LEVELS,
    default: 'info',
    describe: 'what is said in the log; debug: every grant, attempt and outcome too',
  },
  'coordinator-timeout': {
    type: 'string',
    default: '30s',
    describe: 'how long workers go on without a coordinator',
  },
  'drain-timeout': {
    type: 'string',
    default: '30s',
    describe: 'how long running tasks may take at the end',
  },
  'max-rss': {
    type: 'string',
    describe: 'memory that a worker may use, all in all: 2gb  [default: no limit]',
  },
  'max-heap': {
    type: 'string',
    describe: 'memory that a task may use for JavaScript objects: 512mb  [default: as V8 does]',
  },
  'max-output': {
    type: 'string',
    default: MAX_OUTPUT,
    describe: 'how much a task may print; what comes after is dropped',
  },
  'max-open-files': {
    type: 'string',
    describe: 'files, sockets and pipes that a worker may have open  [default: as this command]',
  },
  'max-tasks-per-worker': {
    type: 'string',
    describe:
      'after how many tasks a worker is replaced, once it has finished what it runs  [default: never]',
  },
  inspect: {
    type: 'boolean',
    default: false,
    describe: 'let debuggers of this machine attach to the workers, see docs/debugging.md',
  },
  'pass-env': {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'variables of the environment that tasks see beside PATH, HOME and the like: AWS_REGION, or AWS_*; may be given again',
  },
  permission: {
    type: 'boolean',
    default: false,
    describe: "run tasks under Node's permission model: they read and compute, and what --allow says",
  },
  allow: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'what tasks may do with --permission: fs-write=FOLDER, child-process, addons, wasi; may be given again',
  },
  'work-dir': {
    type: 'string',
    describe: 'folder in which each worker has a working folder that stays  [default: a temporary one each]',
  },
  'no-work-dir': { type: 'boolean', describe: 'let workers work in the folder of this command' },
  code: {
    choices: ['any', 'named'],
    default: 'any',
    describe: 'what may run: any function, or named ones, which offhand allow has registered',
  },
  functions: { type: 'string', describe: 'file of the functions that may run (with --code named)' },
  'audit-log': {
    type: 'string',
    describe: 'file that is told who ran which function when, and what came of it, as JSON lines',
  },
  auth: {
    type: 'boolean',
    default: true,
    describe: '--no-auth: no token needed (this machine only)',
  },
  'tls-cert': { type: 'string', describe: 'file with the certificate to show, as PEM' },
  'tls-key': { type: 'string', describe: 'file with its private key' },
  'tls-ca': {
    type: 'string',
    describe: 'file with what the certificates of the pool are trusted by  [default: the certificate]',
  },
  'tls-client-ca': {
    type: 'string',
    describe: 'file with the authority whose certificates clients and workers have to show  [default: none]',
  },
} as const;

/** The same as typed. */
export interface WorkerFlags extends ReachArguments {
  workerPorts: string;
  slots: string;
  tag: readonly string[] | undefined;
  logDir: string | undefined;
  logLevel: LogLevel;
  coordinatorTimeout: string;
  drainTimeout: string;
  maxRss: string | undefined;
  maxHeap: string | undefined;
  maxOutput: string;
  maxOpenFiles: string | undefined;
  maxTasksPerWorker: string | undefined;
  inspect: boolean;
  passEnv: readonly string[] | undefined;
  permission: boolean;
  allow: readonly string[] | undefined;
  workDir: string | boolean | undefined;
  code: 'any' | 'named';
  functions: string | undefined;
  auditLog: string | undefined;
}
