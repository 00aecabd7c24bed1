import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { toStatus } from '../wire/errors.js';
import type { WorkerHandlers } from '../wire/generated/offhand/v1/Worker.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import type { SettleLeaseResponse } from '../wire/generated/offhand/v1/SettleLeaseResponse.js';
import { failureToMessage, outcomeToMessage } from '../wire/outcome.js';
import type { Fate } from './fates.js';
import type { Worker } from './worker.js';

/** The Worker service: decodes, asks the worker, encodes. */
export function workerHandlers(worker: Worker, stateOf: () => WorkerState): WorkerHandlers {
  return {
    RunCode(call, respond) {
      const abort = new AbortController();
      // Said of every call when its stream closes; the reason spares an error with a stack each time.
      call.on('cancelled', () => abort.abort('closed'));
      answer(worker.runCode(call.request, abort.signal).then(outcomeToMessage), call, respond);
    },
    SettleLease(call, respond) {
      answer(worker.settleLease(call.request).then(fateToMessage), call, respond);
    },
    GetState(_call, respond) {
      respond(null, { workers: [stateOf()], queue: { pending: 0, tasks: [] } });
    },
  };
}

function answer<Res>(
  work: Promise<Res>,
  call: ServerUnaryCall<unknown, Res>,
  respond: sendUnaryData<Res>,
): void {
  work.then(
    (message) => respond(null, message),
    (error: unknown) => {
      if (!call.cancelled) respond(toStatus(error));
    },
  );
}

function fateToMessage({ begun, failure, unsent }: Fate): SettleLeaseResponse {
  return { begun, unsent, failure: failure ? failureToMessage(failure) : null };
}
