import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/**
 * After how long a silence the system asks the other machine whether it is still there, in ms. It then asks ten times, a
 * second apart (as libuv sets it).
 */
const KEEPALIVE_MS = 5_000;

/**
 * Has the system notice connections whose other machine is gone without a word. That is TCP's own keepalive, which the
 * other machine's system answers: a client whose event loop is blocked for an hour still has its connection. (HTTP/2 pings
 * would ask the client's process.) grpc-js gives nobody its sockets, so it is done where Node announces them.
 */
export function keepConnectionsAlive(): void {
  subscribe('net.server.socket', (message) => {
    (message as { socket: Socket }).socket.setKeepAlive(true, KEEPALIVE_MS);
  });
}
