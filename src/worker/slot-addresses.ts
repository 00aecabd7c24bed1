import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PoolError } from '../core/errors.js';
import { formatAddress, isLoopback } from '../wire/address.js';
import { ensurePoolDirectory, isAlive } from '../wire/pool-files.js';

/** Longer paths are no addresses of sockets on every system (sun_path in unix(7) has 108 bytes, 104 on macOS). */
const MAX_PATH_BYTES = 100;

const SOCKET = /^worker-(\d+)-\d+\.sock$/;

/**
 * Where the slots of this process listen: a socket each in this user's private folder, where all clients are on this
 * machine; else a port each, any that is free.
 */
export function claimSlotAddresses({ host, slots }: { host: string; slots: number }): string[] {
  const directory = isLoopback(host) && process.platform !== 'win32' ? socketDirectory() : undefined;
  return Array.from({ length: slots }, (_, slot) => {
    const path = directory && join(directory, `worker-${process.pid}-${slot}.sock`);
    if (!path || Buffer.byteLength(path) > MAX_PATH_BYTES) return formatAddress({ host, port: 0 });
    rmSync(path, { force: true });
    return `unix:${path}`;
  });
}

export function releaseSlotAddresses(addresses: readonly string[]): void {
  for (const address of addresses) {
    if (address.startsWith('unix:')) rmSync(address.slice('unix:'.length), { force: true });
  }
}

/** Without those that processes left behind which were killed; undefined where there can be no such folder. */
function socketDirectory(): string | undefined {
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
