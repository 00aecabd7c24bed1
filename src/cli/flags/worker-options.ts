import { resolve } from 'node:path';
import { parseDurationMs } from '../../core/duration.js';
import { checkNames } from '../../core/clean-environment.js';
import { PoolError } from '../../core/errors.js';
import { memoryLimits } from '../../core/memory-limits.js';
import { openFilesLimit } from '../../core/open-files.js';
import { outputLimit } from '../../core/output-limit.js';
import { MAX_SLOTS } from '../../core/scheduler/registry.js';
import { type Permission, permissionFrom } from '../../core/permissions.js';
import { tagSet } from '../../core/tags.js';
import { isOneMachine, parsePortRange, type PortRange, portsOf } from '../../wire/address.js';
import type { Tls } from '../../wire/credentials.js';
import type { CommonWorkerOptions, WorkDir } from '../../wire/process-messages.js';
import { AuditLog } from '../../host/audit-log.js';
import { checkOpenFiles } from '../../host/open-files.js';
import { maxValueBytes } from '../../wire/values/size-limit.js';
import { functionsThatMayRun } from './functions-file.js';
import { outputFolder } from './output-folder.js';
import { resolveReach } from './server-reach.js';
import { wholeNumber } from './whole-number.js';
import type { WorkerFlags } from './worker-flags.js';

/** What the flags mean that `offhand server` and `offhand worker` share. */
export interface ResolvedWorkerFlags extends Omit<CommonWorkerOptions, 'credentials' | 'standardServices'> {
  tls: Tls | undefined;
  ports: PortRange;
  workDir: WorkDir | undefined;
}

/**
 * @param workers how many there are to be on these ports.
 * @throws PoolError `invalid-argument`, naming the flag, what was expected and what arrived.
 */
export function resolveWorkerFlags(args: WorkerFlags, workers: number): ResolvedWorkerFlags {
  maxValueBytes(); // What is wrong with it is said before a worker starts.
  const ports = parsePortRange(args.workerPorts, '--worker-ports');
  const slots = wholeNumber('--slots', args.slots, 1, MAX_SLOTS);
  const reach = resolveReach(args);
  // Slots that other machines reach listen on ports too.
  const portsEach = isOneMachine(reach) ? 1 : 1 + slots;
  const room = Math.floor(portsOf(ports).length / portsEach);
  if (workers > room) {
    const each = portsEach === 1 ? 'workers' : `workers of ${portsEach} ports`;
    throw new PoolError(
      'invalid-argument',
      `--worker-ports ${args.workerPorts} has room for ${room} ${each}, and ${workers} were asked for; give a wider range`,
    );
  }
  const maxOpenFiles = openFilesLimit(args.maxOpenFiles, slots, '--max-open-files');
  checkOpenFiles(maxOpenFiles, '--max-open-files');
  return {
    ...reach,
    ports,
    slots,
    maxTasks:
      args.maxTasksPerWorker === undefined
        ? undefined
        : wholeNumber('--max-tasks-per-worker', args.maxTasksPerWorker, 1, 1_000_000_000),
    maxOutputBytes: outputLimit(args.maxOutput, '--max-output'),
    maxOpenFiles,
    tags: tagSet(
      args.tag?.flatMap((tags) => tags.split(',')),
      '--tag',
    ).tags,
    logDir: outputFolder(args.logDir, 'logs', '--log-dir', 'no log files are written'),
    logLevel: args.logLevel,
    coordinatorTimeoutMs: parseDurationMs(args.coordinatorTimeout, '--coordinator-timeout'),
    drainTimeoutMs: parseDurationMs(args.drainTimeout, '--drain-timeout'),
    inspect: args.inspect,
    passEnv: checkNames(args.passEnv?.flatMap((names) => names.split(',')) ?? [], '--pass-env'),
    permissions: permissionsOf(args),
    workDir: workDirFrom(args.workDir),
    functions: functionsThatMayRun(args),
    auditLog: auditFile(args.auditLog),
    ...memoryLimits(args, slots, { maxRss: '--max-rss', maxHeap: '--max-heap' }),
  };
}

/** @throws PoolError `invalid-argument` */
function permissionsOf({ permission, allow }: WorkerFlags): readonly Permission[] | undefined {
  if (permission)
    return (allow ?? []).map((given) => permissionFrom(given, '--allow', (path) => resolve(path)));
  if (allow === undefined) return undefined;
  throw new PoolError('invalid-argument', '--allow goes together with --permission, which is missing');
}

/** @throws PoolError `permission-denied` */
function workDirFrom(given: WorkerFlags['workDir']): WorkDir | undefined {
  if (given === false) return undefined;
  if (typeof given !== 'string') return { kind: 'temporary' };
  outputFolder(given, given, '--work-dir', '');
  return { kind: 'kept', path: resolve(given) };
}

/** That it cannot be written is said before anything starts. @throws PoolError `permission-denied` */
function auditFile(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const file = resolve(given);
  new AuditLog(file).close();
  return file;
}
