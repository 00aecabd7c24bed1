import type { ServerDuplexStream } from '@grpc/grpc-js';
import { toStatus } from './errors.js';

/**
 * Hears the other side of a stream until it ends, in whichever way; then ends this side. A message that cannot be dealt
 * with ends the stream, with the status of what `onMessage` threw.
 */
export function hear<Req, Res>(
  stream: ServerDuplexStream<Req, Res>,
  onMessage: (message: Req) => void,
  onEnded: () => void,
): void {
  const end = () => {
    onEnded();
    stream.end();
  };
  stream.on('data', (message: Req) => {
    try {
      onMessage(message);
    } catch (error) {
      stream.emit('error', toStatus(error));
    }
  });
  stream.on('end', end);
  stream.on('cancelled', end);
  stream.on('error', end);
}
