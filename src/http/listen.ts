import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, PoolError } from '../core/errors.js';

/**
 * Listens on the first of the ports that is free.
 *
 * @throws PoolError `unavailable` when all of them are taken, `invalid-argument` when the host cannot be listened on.
 */
export async function listenOnFree(server: Server, host: string, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    try {
      server.listen(port, host);
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw new PoolError('invalid-argument', `cannot listen on ${host}:${port}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  const tried =
    ports.length === 1 ? `port ${ports[0]} is taken` : `no port from ${ports[0]} to ${ports.at(-1)} is free`;
  throw new PoolError(
    'unavailable',
    `the HTTP service: ${tried}; give another one with --http-port, or --no-http`,
  );
}
