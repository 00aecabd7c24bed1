// What some tests need beyond npm: Debian's Python packages for the client in another language, unzip, terminals (script,
// tmux), a browser, nats-server, and what judges the files of deploy/ (systemd-analyze, tini). Installed where that is
// possible (Debian, as root) and needed; elsewhere those tests are skipped and say so.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PROGRAMS = [
  '/usr/bin/unzip',
  '/usr/bin/script',
  '/usr/bin/tmux',
  '/usr/bin/chromium',
  '/usr/sbin/nats-server',
  '/usr/bin/systemd-analyze',
  '/usr/bin/tini',
];

const isThere = () =>
  PROGRAMS.every((file) => existsSync(file)) &&
  spawnSync('/usr/bin/python3', ['-c', 'import grpc, grpc_tools'], { stdio: 'ignore' }).status === 0;

if (!isThere() && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync(
      'apt-get',
      [
        'install',
        '-y',
        '-qq',
        'python3-grpcio',
        'python3-grpc-tools',
        'unzip',
        'bsdutils',
        'tmux',
        'chromium',
        'nats-server',
        'systemd',
        'tini',
      ],
      options,
    );
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    console.error(
      `python3-grpcio, unzip, script, tmux, chromium, nats-server, systemd or tini cannot be installed here, so tests that need them may be skipped (${error.message})`,
    );
  }
}
