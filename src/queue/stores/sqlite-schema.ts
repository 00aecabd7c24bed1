import { PoolError } from '../../core/errors.js';

export type Row = Record<string, unknown>;

/** What the store needs of the engine. */
export interface Statement {
  run(parameters: readonly unknown[]): { changes: number };
  get(parameters: readonly unknown[]): Row | undefined;
  all(parameters: readonly unknown[]): Row[];
}
export interface Database {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  close(): void;
}

/** One step from a version of the files to the next. */
export type Migration = (database: Database) => void;

/** Version n is what the first n steps have made. A step that was released is never changed: another is added. */
export const MIGRATIONS: readonly Migration[] = [
  (database) =>
    database.exec(`
      CREATE TABLE functions (id TEXT PRIMARY KEY, source TEXT NOT NULL, parts BLOB NOT NULL, users INTEGER NOT NULL)
        WITHOUT ROWID;
      CREATE TABLE tasks (
        ord INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        function TEXT NOT NULL,
        group_name TEXT,
        key TEXT,
        spec TEXT NOT NULL,
        encoding TEXT NOT NULL,
        args BLOB,
        state INTEGER NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        holder TEXT,
        claimed_until INTEGER,
        started_at REAL,
        settled_at REAL,
        run_ms REAL NOT NULL DEFAULT 0,
        failure TEXT,
        outcome_encoding TEXT,
        outcome BLOB,
        dropped INTEGER NOT NULL DEFAULT 0
      );
      CREATE UNIQUE INDEX by_key ON tasks(key) WHERE key IS NOT NULL;
      CREATE INDEX by_settled ON tasks(settled_at) WHERE settled_at IS NOT NULL AND dropped = 0;
      CREATE INDEX by_dropped ON tasks(ord) WHERE dropped = 1;
    `),
  (database) =>
    database.exec('ALTER TABLE tasks ADD COLUMN course TEXT; ALTER TABLE tasks ADD COLUMN log TEXT'),
  // Specs say what their tasks ask of a worker. Nothing changes, but an offhand that does not know would run them anywhere.
  () => undefined,
  // What people are shown of functions. Nobody has said it of those that are there; their tasks are counted, so that they go in time.
  (database) =>
    database.exec(`
      CREATE TABLE sources (function TEXT PRIMARY KEY, text TEXT NOT NULL, users INTEGER NOT NULL) WITHOUT ROWID;
      INSERT INTO sources SELECT function, '', count(*) FROM tasks WHERE dropped = 0 GROUP BY function;
    `),
];

/** Which version the files have: 0 for new ones. */
function versionOf(database: Database): number {
  return Number(database.prepare('PRAGMA user_version').get([])?.['user_version'] ?? 0);
}

/**
 * Brings files of an older version up to this one, all steps or none.
 *
 * @param copy makes a copy of the files first; told the version they have.
 * @throws PoolError `version-mismatch` for files of a newer version
 */
export function migrate(
  database: Database,
  folder: string,
  copy: (version: number) => void,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const version = versionOf(database);
  if (version === migrations.length) return;
  if (version > migrations.length) {
    throw new PoolError(
      'version-mismatch',
      `the store ${folder} has version ${version}, and this offhand knows up to ${migrations.length}; start it with the newer offhand that wrote it`,
    );
  }
  if (version > 0) copy(version);
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const step of migrations.slice(version)) step(database);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
