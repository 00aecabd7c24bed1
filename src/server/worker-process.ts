import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../core/clean-environment.js';
import { below, type Permission, permissionFlags } from '../core/permissions.js';
import { withOpenFiles } from '../host/open-files.js';
import { poolDirectory } from '../host/pool-files.js';
import { type WorkerId, workerId } from '../core/ids.js';
import type { WorkerNotice, WorkerOptions, WorkerOrder } from '../wire/process-messages.js';

const ENTRY = fileURLToPath(new URL('../worker/process.js', import.meta.url));

/** On any free port of this machine. Node is not to print where: the worker does, with its name. */
const INSPECT = ['--inspect=127.0.0.1:0', '--inspect-publish-uid=http'];

/** What all workers of a pool are started with. */
export type WorkerSettings = Omit<WorkerOptions, 'name' | 'id' | 'replaces'>;

/** The same for all of them. */
export type SharedSettings = Omit<WorkerSettings, 'folder'>;

/** How the process of a worker ended. */
export interface ProcessEnd {
  id: WorkerId;
  code: number | null;
  signal: string | null;
  /** Why it did not start, in its words. */
  failure: string | undefined;
  /** What it said when it left. */
  left: Extract<WorkerNotice, { type: 'left' }> | undefined;
}

export interface WorkerProcessEvents {
  notice(notice: WorkerNotice): void;
  /** Once; nothing that its tasks had started lives any more. */
  ended(end: ProcessEnd): void;
}

/**
 * Starts the process of one worker. It is the leader of its own process group: the terminal's Ctrl-C does not reach it, and
 * what its tasks started ends with it.
 *
 * @param who its name, or undefined for one that its coordinator is to give a name, and which one it replaces.
 */
export function startWorkerProcess(
  who: Pick<WorkerOptions, 'name' | 'replaces'>,
  settings: WorkerSettings,
  events: WorkerProcessEvents,
): ChildProcess {
  const { passEnv, permissions, folder, maxOpenFiles } = settings;
  const child = fork(ENTRY, {
    cwd: folder?.path,
    env: passEnv ? cleanEnvironment(process.env, passEnv) : process.env,
    ...withOpenFiles(maxOpenFiles, process.execPath, [
      // How import() inside a shipped function resolves is experimental in Node 20 (USE_MAIN_CONTEXT_DEFAULT_LOADER).
      '--disable-warning=ExperimentalWarning',
      ...(permissions
        ? permissionFlags([...permissions, ...ownPlaces(settings)], process.versions.node)
        : []),
      ...(settings.inspect ? INSPECT : []),
    ]),
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const id = workerId(randomUUID().replaceAll('-', ''));
  order(child, { options: { ...settings, logDir: logFolder(settings), ...who, id } });
  let failure: string | undefined;
  let left: ProcessEnd['left'];
  child.on('message', (notice: WorkerNotice) => {
    if (notice.type === 'failed') failure = notice.message;
    else if (notice.type === 'left') left = notice;
    events.notice(notice);
  });
  const ended = (code: number | null, signal: string | null) => {
    killGroup(child.pid);
    events.ended({ id, code, signal, failure, left });
  };
  child.on('exit', ended);
  child.on('error', (error) => {
    failure ??= error.message;
    if (child.pid === undefined) ended(null, null); // It never began.
  });
  return child;
}

/** Its own working folder may be another one than ours. */
function logFolder({ logDir }: WorkerSettings): string | undefined {
  return logDir === undefined ? undefined : resolve(logDir);
}

/** Where a worker writes by itself, the sockets of its slots and logs, and the folder that is its own. */
function ownPlaces(settings: WorkerSettings): Permission[] {
  const { auditLog, folder } = settings;
  const logDir = logFolder(settings);
  const places = [below(poolDirectory())];
  if (logDir !== undefined) places.push(below(logDir));
  if (auditLog !== undefined) places.push(auditLog);
  if (folder) places.push(below(folder.path));
  return places.map((write) => ({ write }));
}

/** Nothing happens where the process has ended meanwhile. */
export function order(child: ChildProcess, message: WorkerOrder): void {
  if (child.connected) child.send(message);
}

/** Ends a worker with whatever its tasks started. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
