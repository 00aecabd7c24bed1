import type { ServerUnaryCall } from '@grpc/grpc-js';

/** A caller is known by the name it gives itself, else by its connection; longer names are cut. */
export function callerOf(call: Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPeer'>): string {
  return String(call.metadata.get('client-id')[0] ?? call.getPeer()).slice(0, 256);
}
