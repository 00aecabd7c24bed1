import { type Client, type ClientReadableStream, type ServiceError, status } from '@grpc/grpc-js';
import type { Caller, Method } from '../test/support/rpc.js';

export interface GrpcAnswer {
  code: status;
  details: string;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * Sends messages to any method, whatever its form: a stream is given all of them and then ended. Resolves with the status, or
 * DEADLINE_EXCEEDED after `limitMs`.
 */
export function sendGrpc(
  caller: Caller,
  method: Method,
  messages: readonly Buffer[],
  limitMs: number,
): Promise<GrpcAnswer> {
  const client: Client = caller.client;
  const [first = Buffer.alloc(0)] = messages;
  const codecs = [method.path, asItIs, asItIs] as const;
  const options = { deadline: Date.now() + limitMs };
  return new Promise((resolve) => {
    const done = (error: ServiceError | null) =>
      resolve({ code: error?.code ?? status.OK, details: error?.details ?? '' });
    if (!method.requestStream && !method.responseStream) {
      client.makeUnaryRequest(...codecs, first, caller.metadata, options, done);
      return;
    }
    const heard = (stream: ClientReadableStream<Buffer>) => {
      stream.on('data', () => undefined);
      stream.on('error', () => undefined); // Its status says the same.
      stream.on('status', resolve);
    };
    if (!method.requestStream) {
      heard(client.makeServerStreamRequest(...codecs, first, caller.metadata, options));
      return;
    }
    const stream = client.makeBidiStreamRequest(...codecs, caller.metadata, options);
    heard(stream);
    for (const message of messages) stream.write(message);
    stream.end();
  });
}
