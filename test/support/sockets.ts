import { readFileSync } from 'node:fs';

/** Established connections of this machine's clients to a port, as the inodes of their sockets. */
export function connectionsToPort(port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return rowsOf('/proc/net/tcp')
    .filter((fields) => fields[2]?.endsWith(suffix) && fields[3] === '01')
    .map((fields) => fields[9] ?? '');
}

/** Whether the system asks, on each established connection of a port's server, if the other machine is still there. */
export function keepalivesOfPort(port: number): boolean[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return rowsOf('/proc/net/tcp')
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[3] === '01')
    .map((fields) => fields[5]?.startsWith('02:') ?? false); // The kind of timer that runs: 2 is keepalive.
}

/** Established connections to every socket file whose path begins like this, as `path inode`. */
export function connectionsToFiles(prefix: string): string[] {
  // Those that listen have a flag set; the end that connected bears no path.
  return rowsOf('/proc/net/unix')
    .filter((fields) => fields[7]?.startsWith(prefix) && fields[3] === '00000000')
    .map((fields) => `${fields[7]} ${fields[6]}`);
}

function rowsOf(table: string): string[][] {
  const lines = readFileSync(table, 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}
