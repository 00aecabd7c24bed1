import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openFiles } from '../../src/queue/stores/sqlite-files.js';
import { type Database, migrate, MIGRATIONS } from '../../src/queue/stores/sqlite-schema.js';
import { SqliteTasks } from '../../src/queue/stores/sqlite-tasks.js';
import { FileTaskStore } from '../../src/queue/stores/file.js';
import { asFailure } from '../../src/queue/stores/store-errors.js';
import type { TaskStore, UnsettledTask } from '../../src/queue/store.js';
import { temporaryFolder } from '../client/support.js';
import { failed, FN, id, spec, succeeded, THREAD } from './tasks.js';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const open = () => FileTaskStore.open(folder.path, THREAD);
const file = (name = 'tasks.db') => join(folder.path, name);
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as { code: string; message: string },
  );
async function unsettled(store: TaskStore): Promise<UnsettledTask[]> {
  const all: UnsettledTask[] = [];
  for await (const tasks of store.unsettled()) all.push(...tasks);
  return all;
}
/** The files as they are while a coordinator runs: what kill -9 leaves. Copied, since no process is killed here. */
async function leftByKill(names: string[]): Promise<void> {
  const store = await open();
  for (const name of names) await store.add([spec(name)], [FN]);
  const kept = ['tasks.db', 'tasks.db-wal'].map((name) => [name, readFileSync(file(name))] as const);
  await store.close();
  for (const [name, bytes] of kept) writeFileSync(file(name), bytes);
}

describe('what is on disk', () => {
  test('is there when the store is opened again', async () => {
    const before = await open();
    await before.add([spec('waits'), spec('runs'), spec('done'), spec('failed')], [FN]);
    await before.claim([id('runs'), id('done'), id('failed')], { holder: 'me', until: 1e15 }, 7);
    await before.settle([
      { id: id('done'), attempt: 1, outcome: succeeded('yes'), at: 8 },
      { id: id('failed'), attempt: 1, outcome: failed(), at: 9 },
    ]);
    await before.close();
    const store = await open();
    const tasks = await unsettled(store);
    expect(tasks.map((task) => [task.spec.name, task.attempt, task.wasClaimed])).toEqual([
      ['waits', 0, false],
      ['runs', 1, true],
    ]);
    expect(tasks[0]?.spec).toEqual({ ...spec('waits'), args: undefined });
    expect((await store.find([id('runs')]))[0]?.state).toBe('pending');
    expect((await store.outcomes([id('done')]))[0]).toMatchObject({ state: 'succeeded', runMs: 3 });
    expect((await store.claim([id('runs')], { holder: 'you', until: 1 }, 0))[0]?.attempt).toBe(2);
    expect(statSync(file()).mode & 0o077).toBe(0);
    await store.close();
  });

  test('comes in portions, however much there is', async () => {
    const store = await open();
    const tasks = Array.from({ length: 6_000 }, (_, n) => spec(`t${10_000 + n}`));
    await store.add(tasks, [FN]);
    expect((await unsettled(store)).map((task) => task.spec.id)).toEqual(tasks.map((task) => task.id));
    await store.close();
  });

  test('is what was acknowledged, when the process was killed', async () => {
    await leftByKill(['a', 'b']);
    const store = await open();
    expect((await unsettled(store)).map((task) => task.spec.name)).toEqual(['a', 'b']);
    await store.close();
  });
});

describe('a store is refused', () => {
  test('while another coordinator has it, by the pid of that', async () => {
    const store = await open();
    expect(await refusal(open())).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(new RegExp(`in use by another coordinator \\(pid ${process.pid}\\)`)),
    });
    await store.close();
    await (await open()).close();
  });

  test('that is of a newer version', async () => {
    await (await open()).close();
    const files = openFiles(folder.path, [...MIGRATIONS, () => undefined]);
    files.close();
    expect(await refusal(open())).toMatchObject({
      code: 'version-mismatch',
      message: expect.stringMatching(/has version 5.*up to 4.*newer offhand/),
    });
  });

  test('that is no store', async () => {
    writeFileSync(file(), 'x'.repeat(10_000));
    expect(await refusal(open())).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/damaged/),
    });
    expect(readFileSync(file(), 'utf8')).toBe('x'.repeat(10_000));
  });

  test('whose pages are damaged', async () => {
    const store = await open();
    await store.add(
      Array.from({ length: 2_000 }, (_, n) => spec(`t${10_000 + n}`)),
      [FN],
    );
    await store.close();
    scribble(file(), 40_000, 8_192);
    expect(await refusal(open())).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/damaged/),
    });
  });

  test('whose log is damaged before changes that were on disk', async () => {
    await leftByKill(['a', 'b', 'c', 'd', 'e', 'f']);
    scribble(file('tasks.db-wal'), Math.floor(statSync(file('tasks.db-wal')).size / 2), 64);
    const files = ['tasks.db', 'tasks.db-wal'].map((name) => readFileSync(file(name)));
    // Whoever starts it again must not find an emptier one.
    for (let start = 1; start <= 2; start++)
      expect(await refusal(open())).toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/damaged \(its log breaks off after frame \d+/),
      });
    expect(['tasks.db', 'tasks.db-wal'].map((name) => readFileSync(file(name)))).toEqual(files);
  });
});

describe('what was being written when the power went', () => {
  test('is not there, and everything before it is', async () => {
    await leftByKill(['a', 'b', 'c']);
    truncateSync(file('tasks.db-wal'), statSync(file('tasks.db-wal')).size - 100);
    const store = await open();
    expect((await unsettled(store)).map((task) => task.spec.name)).toEqual(['a', 'b']);
    await store.close();
  });
});

test('an older version is brought up to this one, after a copy', async () => {
  const store = await open();
  await store.add([spec('old')], [FN]);
  await store.close();
  const step = (database: Database) => database.exec('ALTER TABLE tasks ADD COLUMN later TEXT');
  const files = openFiles(folder.path, [...MIGRATIONS, step]);
  expect(files.tasks.find([id('old')])[0]?.spec.name).toBe('old');
  files.close();
  expect(existsSync(file('tasks.v4.db'))).toBe(true);
  const copy = database(file('tasks.v4.db'));
  expect(copy.prepare('SELECT name FROM tasks').get([])).toMatchObject({ name: 'old' });
  copy.close();
});

test('files of the first version are brought up to date: what waits runs, what is there stays', async () => {
  const old = database(file());
  migrate(old, folder.path, () => undefined, MIGRATIONS.slice(0, 1));
  old.prepare('INSERT INTO functions VALUES (?, ?, ?, 2)').run([FN.id, FN.source, serialize(FN.parts)]);
  for (const name of ['old', 'other']) {
    const { args, ...kept } = spec(name);
    old
      .prepare(
        'INSERT INTO tasks (id, name, function, spec, encoding, args, state) VALUES (?, ?, ?, ?, ?, ?, 0)',
      )
      .run([kept.id, name, FN.id, JSON.stringify(kept), args.encoding, args.data]);
  }
  old.close();
  const store = await open();
  expect(existsSync(file('tasks.v1.db'))).toBe(true);
  const [claimed] = await store.claim([id('old')], { holder: 'me', until: 1_000 }, 0);
  expect(claimed?.attempt).toBe(1);
  expect((await store.find([id('old')]))[0]).toMatchObject({ state: 'running', course: undefined });
  await store.settle([{ id: id('old'), attempt: 1, outcome: succeeded(), at: 9 }]);
  expect((await store.find([id('old')]))[0]?.state).toBe('succeeded');
  // How their function is written is known once it comes again, and stays when those that were there go.
  expect(await store.source(id('old'))).toBe('');
  await store.add([spec('new')], [FN]);
  await store.settle([{ id: id('other'), attempt: 0, outcome: succeeded(), at: 9 }]);
  expect(await store.source(id('other'))).toBe(FN.preview);
  await store.drop([id('old'), id('other')]);
  expect(await store.source(id('new'))).toBe(FN.preview);
  await store.close();
});

test('a step that fails leaves the older version as it was', async () => {
  await (await open()).close();
  const step = (database: Database) => {
    database.exec('ALTER TABLE tasks ADD COLUMN later TEXT');
    throw new Error('no');
  };
  expect(
    (await refusal(Promise.resolve().then(() => openFiles(folder.path, [...MIGRATIONS, step]))))?.message,
  ).toBe('no');
  await (await open()).close();
});

test('a disk that is full is told, nothing of the change is kept, and what was kept stays', () => {
  const full = database(file());
  migrate(full, folder.path, () => undefined);
  const tasks = new SqliteTasks(full);
  tasks.add([spec('before')], [FN]);
  full.exec('PRAGMA max_page_count = 40');
  const large = spec('large', { args: { encoding: 'V8', data: Buffer.alloc(400_000, 'x') } });
  let failure: unknown;
  full.exec('BEGIN');
  try {
    tasks.add([spec('small'), large], []);
    full.exec('COMMIT');
  } catch (error) {
    failure = asFailure(error, folder.path); // The engine has rolled it back.
  }
  expect(failure).toMatchObject({
    code: 'queue-full',
    message: expect.stringMatching(/disk of the store .* is full; nothing of this was kept/),
  });
  expect(tasks.find([id('before'), id('small')]).map((task) => task?.spec.name)).toEqual([
    'before',
    undefined,
  ]);
  full.close();
});

function database(path: string): Database {
  const Engine = createRequire(import.meta.url)('libsql') as new (path: string) => Database;
  return new Engine(path);
}

function scribble(path: string, position: number, length: number): void {
  const descriptor = openSync(path, 'r+');
  writeSync(descriptor, Buffer.alloc(length, 0x5a), 0, length, position);
  closeSync(descriptor);
}
