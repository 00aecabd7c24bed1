// What some tests need beyond npm: Debian's Python packages for the client in another language. Installed where that is
// possible (Debian, as root) and needed; elsewhere those tests are skipped and say so.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const isThere = () =>
  spawnSync('/usr/bin/python3', ['-c', 'import grpc, grpc_tools'], { stdio: 'ignore' }).status === 0;

if (!isThere() && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', 'python3-grpcio', 'python3-grpc-tools'], options);
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    console.error(`python3-grpcio cannot be installed here, so its test is skipped (${error.message})`);
  }
}
