import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { answer } from '../wire/answer.js';
import { callerOf } from '../wire/caller.js';
import type { FollowRequest__Output } from '../wire/generated/offhand/v1/FollowRequest.js';
import type { TaskNews } from '../wire/generated/offhand/v1/TaskNews.js';
import type { WorkerHandlers } from '../wire/generated/offhand/v1/Worker.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import type { SettleLeaseResponse } from '../wire/generated/offhand/v1/SettleLeaseResponse.js';
import { failureToMessage, outcomeToMessage } from '../wire/outcome.js';
import { hear } from '../wire/server-stream.js';
import type { Followers } from './followers.js';
import type { Fate } from './fates.js';
import type { Worker } from './worker.js';

/** The Worker service: decodes, asks the worker, encodes. */
export function workerHandlers(worker: Worker, stateOf: () => WorkerState): WorkerHandlers {
  return {
    RunCode(call, respond) {
      const abort = new AbortController();
      // Said of every call when its stream closes; the reason spares an error with a stack each time.
      call.on('cancelled', () => abort.abort('closed'));
      answer(call, respond, async () =>
        outcomeToMessage(await worker.runCode(call.request, callerOf(call), abort.signal)),
      );
    },
    SettleLease(call, respond) {
      answer(call, respond, async () => fateToMessage(await worker.settleLease(call.request)));
    },
    FollowTasks: (stream) => follow(worker.followers, stream),
    DropValues(call, respond) {
      worker.puts.drop(call.request.ids);
      respond(null, {});
    },
    GetState(_call, respond) {
      respond(null, { workers: [stateOf()], queue: { pending: 0, tasks: [] } });
    },
  };
}

type FollowStream = ServerDuplexStream<FollowRequest__Output, TaskNews>;

function follow(followers: Followers, stream: FollowStream): void {
  let client: string | undefined;
  const follower = {
    send: (news: TaskNews) => void stream.write(news),
    get waitingBytes() {
      return stream.writableLength;
    },
  };
  hear(
    stream,
    (request: FollowRequest__Output) => {
      if (client === undefined) {
        if (!request.client) throw new PoolError('invalid-argument', 'client: expected a word, got none');
        client = request.client;
        followers.follow(client, follower);
      }
      const { barrier } = request;
      // What a thread told before it answered is here, but perhaps not read yet: one round of the event loop reads it.
      if (barrier > 0) setImmediate(() => setImmediate(() => stream.write({ barrier })));
    },
    () => client !== undefined && followers.part(client, follower),
  );
}

function fateToMessage({ begun, failure, unsent }: Fate): SettleLeaseResponse {
  return { begun, unsent, failure: failure ? failureToMessage(failure) : null };
}
