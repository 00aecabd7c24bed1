import {
  logVerbosity,
  Server,
  type ServerInterceptor,
  ServerInterceptingCall,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { messageOf, PoolError } from '../core/errors.js';
import { withResolvers } from '../core/with-resolvers.js';
import { accessTo, bearerOf, TokenCheck } from './access.js';
import { formatAddress } from './address.js';
import { serverOptions } from './channel.js';
import { type Credentials, serverCredentials } from './credentials.js';

const UNAUTHENTICATED = {
  code: status.UNAUTHENTICATED,
  details: 'this call needs the pool\'s token as metadata "authorization: Bearer <token>"',
};
const READ_ONLY = {
  code: status.PERMISSION_DENIED,
  details: 'the read-only token came with this call, which needs the one that `offhand token` prints',
};

/** Keeps grpc-js from writing to stderr by itself: a port that is taken, say, is expected here. */
export function silenceGrpc(): void {
  setLogVerbosity(logVerbosity.NONE);
}

/** A server every call of which needs the token, if there is one, unless `access.ts` says that less will do. */
export function createGrpcServer({ token }: Credentials): Server {
  const interceptors = token === undefined ? [] : [requireToken(token)];
  return new Server({ ...serverOptions(), interceptors });
}

/** Stands before every handler, so that a new one cannot forget to ask. */
function requireToken(token: string): ServerInterceptor {
  const check = new TokenCheck(token);
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata(metadata, proceed) {
            const needed = accessTo(method.path);
            if (needed === 'open') return proceed(metadata);
            const access = check.accessOf(bearerOf(String(metadata.get('authorization')[0] ?? '')));
            if (access === 'full' || access === needed) return proceed(metadata);
            call.sendStatus(access === undefined ? UNAUTHENTICATED : READ_ONLY);
          },
        }),
    });
}

/**
 * Listens on the first of the ports that is free. Binding decides, not probing: of two servers that try the same port at
 * the same instant, one gets it and the other goes on to the next.
 *
 * @returns the port, or undefined when all of them are taken.
 * @throws PoolError `invalid-argument` when the host cannot be listened on at all.
 */
export async function bindFirstFree(
  server: Server,
  { host, ports }: { host: string; ports: Iterable<number> },
  credentials: Credentials,
  onTaken: (port: number) => void = () => undefined,
): Promise<number | undefined> {
  for (const port of ports) {
    const address = formatAddress({ host, port });
    try {
      return await bindAddress(server, address, credentials);
    } catch (error) {
      if (!/EADDRINUSE/.test(messageOf(error))) {
        throw new PoolError('invalid-argument', `cannot listen on ${address}: ${messageOf(error)}`, {
          cause: error,
        });
      }
      onTaken(port);
    }
  }
  return undefined;
}

/** Listens on `host:port`, with TLS where the credentials have a certificate, or on `unix:/path`; gives the port. */
export function bindAddress(server: Server, address: string, credentials: Credentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, serverCredentials(address, credentials), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
}

/** Takes no more calls and hangs up: when the answers under way have left, or after `withinMs`. */
export async function shutDownOrderly(server: Server, withinMs: number): Promise<void> {
  const { promise: isDone, resolve } = withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  server.tryShutdown(() => resolve());
  await isDone;
  clearTimeout(timer);
  server.forceShutdown();
}
