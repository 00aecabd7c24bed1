import { closeSync, copyFileSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf, PoolError } from '../../core/errors.js';
import { makeFolder } from '../../host/folder.js';
import { isAlive } from '../../host/pool-files.js';
import { type Database, migrate, type Migration } from './sqlite-schema.js';
import { SqliteTasks } from './sqlite-tasks.js';
import { type ChangeLog, isBroken, readLog } from './wal.js';

const FILE = 'tasks.db';
const OWNER = 'coordinator.pid';

export interface OpenFiles {
  tasks: SqliteTasks;
  /** All that the action does is on disk when this returns, or nothing of it is. */
  transaction: (action: () => void) => void;
  close: () => void;
}

/**
 * Opens the files in a folder, for this process alone.
 *
 * @throws PoolError `unavailable` when another coordinator has them, or they are damaged; `version-mismatch`;
 * `invalid-argument` when the engine is not installed
 */
export function openFiles(folder: string, migrations?: readonly Migration[]): OpenFiles {
  makeFolder(folder, 0o700);
  const path = join(folder, FILE);
  // What it holds is the caller's own; the log beside it gets the same mode.
  closeSync(openSync(path, 'a', 0o600));
  const log = readLog(`${path}-wal`);
  // The engine would remove what is behind the damage. What another coordinator is just writing may look like it.
  if (isBroken(log) && !isOwned(folder)) throw brokenLog(log);
  const database = openDatabase(path);
  try {
    // The lock is the operating system's, and ends with the process, however that ends.
    database.exec('PRAGMA busy_timeout = 0');
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('PRAGMA wal_autocheckpoint = 4000');
    database.exec('BEGIN EXCLUSIVE; COMMIT');
    writeFileSync(join(folder, OWNER), `${process.pid}\n`, { mode: 0o600 });
    check(database, log);
    const copy = (version: number) => {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      copyFileSync(path, join(folder, `tasks.v${version}.db`));
    };
    migrate(database, folder, copy, migrations);
  } catch (error) {
    letGo(database);
    throw isBusy(error) ? inUse(folder) : error;
  }
  const tasks = new SqliteTasks(database);
  tasks.endClaims();
  const transaction = (action: () => void) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      action();
      database.exec('COMMIT');
    } catch (error) {
      try {
        database.exec('ROLLBACK');
      } catch {
        // The engine has rolled it back by itself.
      }
      throw error;
    }
  };
  return { tasks, transaction, close: () => letGo(database) };
}

function openDatabase(path: string): Database {
  let Engine: new (path: string) => Database;
  try {
    Engine = createRequire(import.meta.url)('libsql') as typeof Engine;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new PoolError(
      'invalid-argument',
      '--store file: needs the package libsql: npm install libsql@0.5.29',
    );
  }
  return new Engine(path);
}

/** The engine keeps its lock until the last of its statements is collected as garbage, unless it is told to let go. */
function letGo(database: Database): void {
  try {
    // Also folds the log into the file, so that one file is the whole store.
    database.exec('PRAGMA journal_mode = DELETE');
    database.exec('PRAGMA locking_mode = NORMAL');
    database.prepare('SELECT count(*) FROM sqlite_master').get([]);
  } catch {
    // Of files that could not be opened, or are damaged, there is nothing to let go.
  }
  database.close();
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_BUSY/.test((error as { code?: string }).code ?? '') || /is locked/.test(messageOf(error));
}

function brokenLog({ whole }: ChangeLog): Error {
  const words = `its log breaks off after frame ${whole}, and changes that were on disk are behind that`;
  return Object.assign(new Error(words), { code: 'SQLITE_CORRUPT' });
}

/** Whether the process that had the files last may have them still. In a container it most likely had the number that this one has. */
function isOwned(folder: string): boolean {
  const pid = Number(ownerOf(folder));
  return pid > 0 && pid !== process.pid && isAlive(pid);
}

function ownerOf(folder: string): string {
  const owner = join(folder, OWNER);
  return existsSync(owner) ? readFileSync(owner, 'utf8').trim() : '';
}

function inUse(folder: string): PoolError {
  const pid = ownerOf(folder);
  return new PoolError(
    'unavailable',
    `the store ${folder} is in use by another coordinator${pid && ` (pid ${pid})`}; stop that one, or give another folder`,
  );
}

/** Damage is found before anything is decided upon it. */
function check(database: Database, log: ChangeLog): void {
  if (isBroken(log)) throw brokenLog(log);
  const row = database.prepare('PRAGMA quick_check(1)').get([]);
  const words = row?.['quick_check'];
  if (typeof words === 'string' && words !== 'ok')
    throw Object.assign(new Error(words), { code: 'SQLITE_CORRUPT' });
}
