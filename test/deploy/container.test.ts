import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { Command, ROOT, run } from '../support/cli.js';
import { isThere } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { randomPorts } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { instructionsOf } from './containerfile.js';

// No container engine is asked for: the steps of the file are done by hand, in namespaces of their own.

const SCRIPT = fileURLToPath(new URL('in-container.sh', import.meta.url));
const FILE = join(ROOT, 'deploy/Containerfile');
const TOKEN = 'a-token-of-this-test';

/** Namespaces and the root to make them: a container that itself is inside of one may have neither. */
const mayUnshare =
  process.getuid?.() === 0 &&
  (isThere('tini') || process.env['CI'] === 'true') &&
  spawnSync('unshare', [
    '--mount',
    '--pid',
    '--fork',
    '--mount-proc',
    'mount',
    '-t',
    'tmpfs',
    'tmpfs',
    '/mnt',
  ]).status === 0;

const steps = instructionsOf(FILE);
const only = (name: string) => {
  const found = steps.filter((step) => step.name === name);
  if (found.length !== 1) throw new Error(`${FILE}: expected one ${name}, found ${found.length}`);
  return found[0]?.text ?? '';
};

test('the container is not run as root, and gets its signals through a PID 1 that clears away', () => {
  expect(only('USER')).toBe('10001:10001');
  expect(JSON.parse(only('ENTRYPOINT'))).toEqual(['/usr/bin/tini', '--', 'offhand', 'server']);
  expect(steps.find(({ text }) => text.includes('apt-get install'))?.text).toMatch(/ tini /);
});

(mayUnshare ? test : test.skip)(
  'its steps done by hand: it runs tasks as PID 1, not as root, on a read-only root file system',
  async () => {
    await using sandbox = new Sandbox();
    const image = installed(sandbox);
    const [etc, volume] = [sandbox.path('etc'), sandbox.path('volume')];
    cpSync('/etc', etc, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    mkdirSync(volume);
    const { port, workerPorts } = randomPorts();
    const userStep = steps.find(({ text }) => text.includes('useradd'))?.text ?? '';
    const program = JSON.parse(only('ENTRYPOINT')) as string[];
    const path = `/mnt/bin:${process.env['PATH']}`;
    // The sandbox has a folder of its own for temporary files, which is not there in the container.
    const env = { ...environmentOf(only('ENV')), OFFHAND_TOKEN: TOKEN, PATH: path, TMPDIR: '/tmp' };
    const server = new Command(
      'unshare',
      [
        ...['--mount', '--pid', '--fork', '--mount-proc', SCRIPT, image, etc, volume],
        ...[userStep, only('USER'), only('WORKDIR'), ...program],
        ...['2', '--port', port, '--worker-ports', workerPorts, '--no-http'],
      ],
      sandbox,
      env,
    );
    let hasEnded = false;
    void server.ended.then(() => (hasEnded = true));
    await waitFor(`the container (${server.output})`, () => hasEnded || / {2}to stop/.test(server.stdout));
    expect(server.stderr).toBe('');

    // From the inside, as its user: from elsewhere it takes TLS.
    writeFileSync(join(volume, 'look.mjs'), `export ${look.toString()}`);
    const init = sandbox.processes().find(({ command }) => command.startsWith('/usr/bin/tini'))?.pid ?? 0;
    const inside = (...args: string[]) =>
      run(
        sandbox,
        'nsenter',
        [...inNamespacesOf(init), 'offhand', ...args, '--address', `127.0.0.1:${port}`],
        env,
      );
    expect(await inside(...healthCheck())).toMatchObject({ code: 0, stderr: '' });
    const looked = await inside('run', '--json', '/var/lib/offhand/look.mjs#look');
    expect(looked).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(looked.stdout)).toEqual({
      user: [10001, 10001],
      init: '/usr/bin/tini',
      root: 'EROFS',
      image: 'EACCES',
      volume: 'written',
      temporary: 'written',
      leftBehind: 0,
    });
    expect(readdirSync(volume)).toEqual(expect.arrayContaining(['logs', 'profiling', 'offhand']));

    process.kill(init, 'SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    await sandbox.whenEmpty();
  },
  180_000,
);

/** The package as it is published, with its dependencies, as the file's own step installs it. */
function installed(sandbox: Sandbox): string {
  const prefix = sandbox.path('image');
  const npm = (...args: string[]) => {
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--silent'];
    return execFileSync('npm', [...args, ...flags], { cwd: ROOT, encoding: 'utf8' });
  };
  const tarball = npm('pack', '--pack-destination', sandbox.cwd).trim();
  const step = steps.find(({ text }) => text.startsWith('npm install'))?.text ?? '';
  const others = /offhand-\*\.tgz (\S[^&]*?) &&/.exec(step)?.[1]?.split(' ') ?? [];
  npm('install', '--global', '--prefix', prefix, sandbox.path(tarball), ...others);
  return prefix;
}

function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split(' ').map((pair) => pair.split('=', 2))) as Record<string, string>;
}

/** What the engine asks with, to see whether the container is well. */
function healthCheck(): string[] {
  const command = /CMD (\[.*\])/.exec(only('HEALTHCHECK'))?.[1] ?? '[]';
  return (JSON.parse(command) as string[]).slice(1);
}

function inNamespacesOf(pid: number): string[] {
  const [user = '', group = ''] = only('USER').split(':');
  return ['--target', String(pid), '--mount', '--pid', '--root', '--wd=/', '-S', user, '-G', group];
}

/** Runs in the container: who and where it is, and what it may write. */
async function look(): Promise<object> {
  const { readFileSync, readdirSync: list, writeFileSync } = await import('node:fs');
  const { spawnSync: start } = await import('node:child_process');
  const write = (path: string) => {
    try {
      writeFileSync(path, '');
      return 'written';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  // Its parent is gone before it ends: whoever is PID 1 has to clear it away.
  start('sh', ['-c', 'sleep 0.1 &']);
  const ended = () =>
    list('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        return /^\d+ \(sleep\)/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    });
  const until = Date.now() + 20_000;
  while (ended().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    user: [process.getuid?.(), process.getgid?.()],
    init: readFileSync('/proc/1/cmdline', 'utf8').split('\0')[0],
    root: write('/etc/of-this-test'),
    image: write('/mnt/of-this-test'),
    volume: write('/var/lib/offhand/of-this-test'),
    temporary: write('/tmp/of-this-test'),
    leftBehind: ended().length,
  };
}
