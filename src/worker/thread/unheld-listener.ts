import type { Server as GrpcServer } from '@grpc/grpc-js';
import { createServer, type ListenOptions } from 'node:net';
import { messageOf } from '../../core/errors.js';
import { type Credentials, serverCredentials } from '../../wire/credentials.js';
import type { SlotPlace } from '../slot-place.js';

export interface UnheldListener {
  /** 0 where it listens on a socket. */
  readonly port: number;
  /** Lets nobody in any more; resolves when the last stream has ended. A stream that comes too late never reaches the service. */
  close(): Promise<void>;
}

/**
 * Listens for a slot, without keeping its thread alive: neither by listening nor by its connections. So the thread runs out
 * of things to wait for when the task in it does, whoever is connected.
 *
 * @throws Error when the socket cannot be listened on, or none of the ports is free.
 */
export async function listenUnheld(
  grpc: GrpcServer,
  place: SlotPlace,
  credentials: Credentials,
): Promise<UnheldListener> {
  const isSocket = place.kind === 'socket';
  const injector = grpc.createConnectionInjector(
    serverCredentials(isSocket ? place.address : place.host, credentials),
  );
  const listener = createServer({ noDelay: true }, (connection) => {
    connection.unref();
    injector.injectConnection(connection);
  });
  const close = () => {
    listener.close();
    return new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
  };
  const listen = (options: ListenOptions) =>
    new Promise<UnheldListener>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(options, () => {
        listener.off('error', reject);
        listener.unref();
        const bound = listener.address();
        resolve({ port: typeof bound === 'object' && bound ? bound.port : 0, close });
      });
    });
  if (isSocket) return listen({ path: place.address.slice('unix:'.length) });
  for (const port of place.ports) {
    try {
      return await listen({ host: place.host, port });
    } catch (error) {
      if (!/EADDRINUSE/.test(messageOf(error))) throw error;
    }
  }
  const [last, first] = [place.ports[0], place.ports.at(-1)];
  throw new Error(
    `no port from ${first} to ${last} is free for a slot; give another range with --worker-ports`,
  );
}
