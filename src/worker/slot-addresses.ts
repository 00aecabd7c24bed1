import { formatAddress, isLoopback } from '../wire/address.js';
import { claimSocket } from '../host/sockets.js';

/** Where the slots of this process listen: a socket each where all clients are on this machine, else any free port. */
export function slotAddresses({ host, slots }: { host: string; slots: number }): string[] {
  const anyPort = formatAddress({ host, port: 0 });
  return Array.from({ length: slots }, (_, slot) =>
    isLoopback(host) ? (claimSocket('worker', slot) ?? anyPort) : anyPort,
  );
}
