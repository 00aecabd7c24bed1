import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { toStatus } from './errors.js';

/** Answers a unary call with what the work comes to, or with the status of its error. Nobody hears it who has gone. */
export function answer<Res>(
  call: ServerUnaryCall<unknown, Res>,
  respond: sendUnaryData<Res>,
  work: () => Res | Promise<Res>,
): void {
  new Promise<Res>((resolve) => resolve(work())).then(
    (message) => respond(null, message),
    (error: unknown) => {
      if (!call.cancelled) respond(toStatus(error));
    },
  );
}
