import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PoolError } from '../core/errors.js';
import { ensurePoolDirectory, isAlive } from './pool-files.js';

/** Longer paths are no addresses of sockets on every system (sun_path in unix(7) has 108 bytes, 104 on macOS). */
const MAX_PATH_BYTES = 100;

const SOCKET = /^(?:worker|client)-(\d+)-\d+\.sock$/;

/**
 * An address `unix:/path` in this user's private folder, for this process to listen on. Sockets that processes left behind
 * which were killed are removed on the way.
 *
 * @param number tells the sockets of one process apart.
 * @returns undefined where there can be no socket: on Windows, without a private folder, below too long a path.
 */
export function claimSocket(kind: 'worker' | 'client', number: number): string | undefined {
  const directory = socketDirectory();
  if (directory === undefined) return undefined;
  const path = join(directory, `${kind}-${process.pid}-${number}.sock`);
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return undefined;
  rmSync(path, { force: true });
  return `unix:${path}`;
}

/** Removes the sockets that processes of this user left behind which were killed. */
export function removeLeftSockets(): void {
  socketDirectory();
}

/** Removes the file of a socket that nobody listens on any more. Other addresses need nothing. */
export function releaseSocket(address: string): void {
  if (address.startsWith('unix:')) rmSync(address.slice('unix:'.length), { force: true });
}

function socketDirectory(): string | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    const directory = ensurePoolDirectory();
    for (const name of readdirSync(directory)) {
      const pid = SOCKET.exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
    }
    return directory;
  } catch (error) {
    if (error instanceof PoolError) return undefined;
    throw error;
  }
}
