import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  livePools,
  orphans,
  poolDirectory,
  removePoolFile,
  writePoolFile,
} from '../../src/host/pool-files.js';
import {
  ensureSigningKey,
  ensureToken,
  findToken,
  replaceToken,
  signingKeyFile,
  tokenFile,
} from '../../src/host/token.js';
import { temporaryFolder } from '../client/support.js';

let folder: ReturnType<typeof temporaryFolder>;
const before = process.env;
beforeEach(() => {
  folder = temporaryFolder();
  process.env = { ...before, XDG_RUNTIME_DIR: folder.path };
});
afterEach(() => {
  process.env = before;
  folder.remove();
});

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the token file', () => {
  const env = () => ({ XDG_CONFIG_HOME: join(folder.path, 'config') });

  test('is made at the first call, for its owner alone, and kept', () => {
    expect(findToken(env())).toBeUndefined();
    const token = ensureToken(env());
    const path = tokenFile(env());
    expect(path).toBe(join(folder.path, 'config', 'offhand', 'token'));
    expect([modeOf(path), modeOf(join(path, '..'))]).toEqual([0o600, 0o700]);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect([ensureToken(env()), findToken(env()), readFileSync(path, 'utf8')]).toEqual([
      token,
      token,
      `${token}\n`,
    ]);
    expect(readdirSync(join(path, '..'))).toEqual(['token']);
  });

  test('stands back behind OFFHAND_TOKEN', () => {
    expect(ensureToken({ ...env(), OFFHAND_TOKEN: 'given' })).toBe('given');
    expect(existsSync(tokenFile(env()))).toBe(false);
  });

  test('is the same for all that make it at the same instant', async () => {
    const url = fileURLToPath(new URL('../../dist/host/token.js', import.meta.url));
    // All of them wait for the same moment on the clock.
    const at = Date.now() + 700;
    const code = `const { ensureToken } = await import(${JSON.stringify(url)});
      while (Date.now() < ${at}); console.log(ensureToken());`;
    const outputs = [1, 2, 3, 4].map(
      () =>
        new Promise<string>((resolve) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
            env: { ...before, ...env() },
          });
          let text = '';
          child.stdout.on('data', (data: Buffer) => (text += data.toString()));
          child.stderr.on('data', (data: Buffer) => (text += data.toString()));
          child.once('close', () => resolve(text.trim()));
        }),
    );
    const tokens = new Set(await Promise.all(outputs));
    expect([...tokens]).toEqual([findToken(env())]);
  });

  test('is replaced on request', () => {
    const first = ensureToken(env());
    const second = replaceToken(env());
    expect(second).not.toBe(first);
    expect(findToken(env())).toBe(second);
    expect(modeOf(tokenFile(env()))).toBe(0o600);
    expect(readdirSync(join(folder.path, 'config', 'offhand'))).toEqual(['token']);
  });

  test('that is empty is filled', () => {
    mkdirSync(join(folder.path, 'config', 'offhand'), { recursive: true });
    writeFileSync(tokenFile(env()), '');
    expect(ensureToken(env())).toMatch(/^[\w-]{43}$/);
  });

  test('that cannot be written says so, and where', () => {
    writeFileSync(join(folder.path, 'config'), 'a file, no folder');
    expect(() => ensureToken(env())).toThrow(expect.objectContaining({ name: 'PoolError' }));
    expect(() => ensureToken(env())).toThrow(/token .*config\/offhand\/token/);
  });
});

test('the signing key is made once, for its owner alone, and is the same for every server after that', () => {
  const env = () => ({ XDG_CONFIG_HOME: join(folder.path, 'config') });
  const key = ensureSigningKey(env());
  expect(key).toHaveLength(32);
  expect(ensureSigningKey(env())).toEqual(key);
  expect(modeOf(signingKeyFile(env()))).toBe(0o600);
  expect(ensureToken(env())).not.toBe(key.toString('base64url'));
});

describe('pool files', () => {
  const poolOn = (port: number, pid = process.pid) => ({
    address: `127.0.0.1:${port}`,
    port,
    pid,
    version: '0.1.0',
    workers: [],
  });
  const own = () => readdirSync(poolDirectory());
  /** The pid of a process that has ended. */
  const dead = () => spawnSync(process.execPath, ['-e', '']).pid;

  test('are for their owner alone, one for each pool, found in the order of their ports', () => {
    expect(livePools()).toEqual([]);
    writePoolFile(poolOn(6002));
    writePoolFile(poolOn(6001));
    expect(livePools()).toEqual([poolOn(6001), poolOn(6002)]);
    expect(poolDirectory()).toBe(join(folder.path, 'offhand'));
    expect([modeOf(poolDirectory()), modeOf(join(poolDirectory(), '6001.json'))]).toEqual([0o700, 0o600]);
    expect(own()).toEqual(['6001.json', '6002.json']);
  });

  test('of pools that are gone are removed by whoever looks', () => {
    writePoolFile(poolOn(6001, dead()));
    writePoolFile(poolOn(6002));
    expect(livePools()).toEqual([poolOn(6002)]);
    expect(own()).toEqual(['6002.json']);
  });

  test('of a coordinator that is gone tell which of its workers live on, and are kept for as long', () => {
    const [alive, ended] = [
      { worker: 'worker-1', pid: process.pid },
      { worker: 'worker-2', pid: dead() },
    ];
    writePoolFile({ ...poolOn(6001, dead()), workers: [ended] });
    writePoolFile({ ...poolOn(6002, dead()), workers: [alive, ended], workRoot: '/tmp/somewhere' });
    writePoolFile({ ...poolOn(6003), workers: [alive] });
    expect(orphans([6001, 6002, 6003])).toEqual({ workers: [alive], workRoot: '/tmp/somewhere' });
    const none = { workers: [], workRoot: undefined };
    expect([[6001], [6003], [6004], []].map((ports) => orphans(ports))).toEqual([none, none, none, none]);
    expect(livePools().map(({ port }) => port)).toEqual([6003]);
    expect(own()).toEqual(['6002.json', '6003.json']);
  });

  test('of pools that are gone take along the folder in which their workers worked, and no other', () => {
    const [left, other] = [join(folder.path, 'offhand-work-abcdef'), join(folder.path, 'other')];
    for (const path of [left, other]) mkdirSync(join(path, 'worker-1'), { recursive: true });
    writePoolFile({ ...poolOn(6001, dead()), workRoot: left });
    writePoolFile({ ...poolOn(6002, dead()), workRoot: other });
    expect(livePools()).toEqual([]);
    expect([existsSync(left), existsSync(other)]).toEqual([false, true]);
  });

  test('are taken back by their own pool only', () => {
    writePoolFile(poolOn(6001));
    removePoolFile({ port: 6001, pid: 1 });
    expect(own()).toEqual(['6001.json']);
    removePoolFile(poolOn(6001));
    removePoolFile(poolOn(6001));
    expect(own()).toEqual([]);
  });

  test('that hold something else are no pools', () => {
    writePoolFile(poolOn(6001));
    const contents = ['', '{', 'null', '5', '{}', '[]', JSON.stringify({ pid: process.pid })];
    contents.forEach((text, index) => writeFileSync(join(poolDirectory(), `${7000 + index}.json`), text));
    writeFileSync(join(poolDirectory(), 'notes.txt'), 'mine');
    expect(livePools()).toEqual([poolOn(6001)]);
    expect(own()).toContain('notes.txt');
  });

  test('are not written where others could read or put them', () => {
    mkdirSync(poolDirectory());
    chmodSync(poolDirectory(), 0o777);
    expect(() => writePoolFile(poolOn(6001))).toThrow(expect.objectContaining({ code: 'permission-denied' }));
    expect(() => writePoolFile(poolOn(6001))).toThrow(/must belong to this user alone \(mode 0700\)$/);
  });

  test('are not believed where others could have put them', () => {
    mkdirSync(poolDirectory());
    writeFileSync(join(poolDirectory(), '6001.json'), JSON.stringify(poolOn(6001)));
    chmodSync(poolDirectory(), 0o777);
    let found: unknown[] = [];
    try {
      found = livePools();
    } catch {
      // Refusing is as good as finding nothing.
    }
    expect(found).toEqual([]);
  });

  test('have a place also for a user without an entry in the list of users', () => {
    if (process.getuid?.() !== 0) return;
    const url = fileURLToPath(new URL('../../dist/host/pool-files.js', import.meta.url));
    const code = `const { livePools } = await import(${JSON.stringify(url)}); console.log(livePools().length);`;
    const asSomebody = { uid: 54_321, cwd: '/', encoding: 'utf8', env: { PATH: before['PATH'] } } as const;
    // This Node may lie where nobody else can run it.
    if (spawnSync(process.execPath, ['--version'], asSomebody).error) return;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], asSomebody);
    expect(stdout).toBe('0\n');
  });
});
