import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';
import { makeFolder } from './folder.js';
import { removeLeftWorkRoot } from './work-root.js';

/** How pools of this user find one another: each writes one file, `<port>.json`, for as long as it lives. */
export interface PoolFile {
  /** `host:port` of the coordinator. */
  address: string;
  port: number;
  /** Of the coordinator's process. */
  pid: number;
  version: string;
  /** Those it has started, which outlive it for a while. */
  workers: readonly WorkerProcess[];
  /** The temporary folder that they work in, where they have one. */
  workRoot?: string | undefined;
  /** URL of its HTTP service, where it has one. */
  http?: string | undefined;
  /**
   * There when the pool has TLS: `ca` is what its certificate is trusted by, as PEM. Where clients show certificates, there is one
   * to show, with its key.
   */
  tls?: { ca: string | undefined; cert?: string | undefined; key?: string | undefined } | undefined;
}

/** One worker process, by the name it attaches under. */
export interface WorkerProcess {
  worker: string;
  pid: number;
}

/** `$XDG_RUNTIME_DIR/offhand`, else a folder of this user's own (0700) among the temporary files. */
export function poolDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR'];
  return runtime ? join(runtime, 'offhand') : join(tmpdir(), `offhand-${process.getuid?.() ?? 'user'}`);
}

/**
 * That folder, made where it is missing.
 *
 * @throws PoolError `unavailable` when it cannot be made, `permission-denied` when it is somebody else's.
 */
export function ensurePoolDirectory(): string {
  const directory = poolDirectory();
  try {
    makeFolder(directory, 0o700);
  } catch (error) {
    throw new PoolError('unavailable', `the folder ${directory} cannot be made: ${messageOf(error)}`);
  }
  if (isPrivate(directory)) return directory;
  throw new PoolError('permission-denied', `${directory} must belong to this user alone (mode 0700)`);
}

/** @throws PoolError `unavailable` when the folder cannot be used, `permission-denied` when it is somebody else's. */
export function writePoolFile(pool: PoolFile): void {
  const directory = ensurePoolDirectory();
  try {
    const draft = join(directory, `.${pool.port}.${process.pid}`);
    writeFileSync(draft, `${JSON.stringify(pool)}\n`, { mode: 0o600 });
    renameSync(draft, join(directory, `${pool.port}.json`));
  } catch (error) {
    throw new PoolError('unavailable', `the pool cannot be announced in ${directory}: ${messageOf(error)}`);
  }
}

/** Takes the file back, unless another pool has put its own there. */
export function removePoolFile(pool: Pick<PoolFile, 'port' | 'pid'>): void {
  const path = join(poolDirectory(), `${pool.port}.json`);
  if (readPoolFile(path)?.pid === pool.pid) rmSync(path, { force: true });
}

/** Pools whose coordinator lives; files that dead ones left behind are removed. */
export function livePools(): PoolFile[] {
  const directory = poolDirectory();
  // In a folder that others may write to, a file could send this user's token to whoever put it there.
  if (!isPrivate(directory)) return [];
  const pools: PoolFile[] = [];
  for (const name of listDirectory(directory)) {
    if (!/^\d+\.json$/.test(name)) continue;
    const path = join(directory, name);
    const pool = readPoolFile(path);
    if (!pool) continue;
    if (isAlive(pool.pid)) pools.push(pool);
    else if (orphansIn(pool).length === 0) clearAway(path, pool);
  }
  return pools.sort((a, b) => a.port - b.port);
}

/** What is left of a pool whose coordinator is gone. */
export interface Orphans {
  workers: readonly WorkerProcess[];
  workRoot: string | undefined;
}

/** Workers that live on without their coordinator, at the first of these ports where there are some; what else is left is removed. */
export function orphans(ports: readonly number[]): Orphans {
  const directory = poolDirectory();
  const none = { workers: [], workRoot: undefined };
  if (!isPrivate(directory)) return none;
  for (const port of ports) {
    const path = join(directory, `${port}.json`);
    const pool = readPoolFile(path);
    if (!pool || isAlive(pool.pid)) continue;
    const workers = orphansIn(pool);
    if (workers.length > 0) return { workers, workRoot: pool.workRoot };
    clearAway(path, pool);
  }
  return none;
}

/** Nobody of that pool lives any more. */
function clearAway(path: string, { workRoot }: PoolFile): void {
  rmSync(path, { force: true });
  if (workRoot !== undefined) removeLeftWorkRoot(workRoot);
}

function orphansIn({ workers }: PoolFile): WorkerProcess[] {
  return workers.filter(({ pid }) => isAlive(pid));
}

/** Whether a process of this machine lives. One that has ended and is known to nobody but its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Where there is no /proc, nobody can tell. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Whether a folder belongs to this user and to nobody else. Where there are no such owners (Windows), it counts as private. */
function isPrivate(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (!stats) return false;
  return !process.getuid || (stats.uid === process.getuid() && (stats.mode & 0o077) === 0);
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // No folder, no pools.
  }
}

function readPoolFile(path: string): PoolFile | undefined {
  try {
    const pool = JSON.parse(readFileSync(path, 'utf8')) as Partial<PoolFile>;
    const isPool = typeof pool.address === 'string' && typeof pool.pid === 'number';
    return isPool ? ({ workers: [], ...pool } as PoolFile) : undefined;
  } catch {
    return undefined; // Gone, or not ours: either way nobody to be found there.
  }
}
