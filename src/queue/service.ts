import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import { answer } from '../wire/answer.js';
import { callerOf } from '../wire/caller.js';
import type { QueueHandlers } from '../wire/generated/offhand/v1/Queue.js';
import type { SubmitRequest__Output } from '../wire/generated/offhand/v1/SubmitRequest.js';
import type { SubmitResponse } from '../wire/generated/offhand/v1/SubmitResponse.js';
import type { TaskInfo } from '../wire/generated/offhand/v1/TaskInfo.js';
import type { WatchRequest__Output } from '../wire/generated/offhand/v1/WatchRequest.js';
import { hear } from '../wire/server-stream.js';
import { explanationMessage } from './explanation.js';
import type { Intake } from './intake.js';
import { idFrom, infoOf, lineMessage, outcomeMessage, queryFrom } from './messages.js';
import type { TaskOutcome } from './store.js';
import { noSuchTask } from './refusals.js';
import { functionFrom, specsFrom, submitAnswer } from './submit-messages.js';
import type { TaskQueue } from './task-queue.js';
import { WatchSession } from './watch-session.js';

/** The Queue service: decodes, asks the queue, encodes. */
export function queueHandlers(queue: TaskQueue, intake: Intake): QueueHandlers {
  return {
    Submit(call, respond) {
      answer(call, respond, async () => {
        return submit(queue, call.request, callerOf(call));
      });
    },
    SubmitMany(stream) {
      const client = callerOf(stream);
      hear(
        stream,
        (request: SubmitRequest__Output) => {
          void intake
            .take(tasksIn(request), () => submit(queue, request, client))
            .catch((error: unknown) => refusal(request, error))
            .then((answer) => stream.writable && stream.write(answer));
        },
        () => undefined,
      );
    },
    Get(call, respond) {
      answer(call, respond, async () => {
        const records = await queue.find(idsFrom(call.request));
        return { tasks: records.flatMap((record) => (record ? [infoOf(record, Date.now())] : [])) };
      });
    },
    Explain(call, respond) {
      answer(call, respond, async () => {
        return explanationMessage(await queue.explain(idFrom(call.request.taskId, 'task_id')), Date.now());
      });
    },
    Logs(call, respond) {
      answer(call, respond, async () => {
        const lines = await queue.logs(idFrom(call.request.taskId, 'task_id'));
        return { lines: lines.map(lineMessage) };
      });
    },
    List(call, respond) {
      answer(call, respond, async () => {
        const { tasks, cursor } = await queue.list(queryFrom(call.request));
        return { tasks: tasks.map((record) => infoOf(record, Date.now())), cursor: cursor ?? '' };
      });
    },
    Result(call, respond) {
      answer(call, respond, async () => {
        const id = idFrom(call.request.taskId, 'task_id');
        return outcomeMessage(await outcomeOf(queue, id, (leave) => call.on('cancelled', leave)));
      });
    },
    Watch(stream) {
      const session = new WatchSession(queue, stream);
      hear(
        stream,
        (request: WatchRequest__Output) => session.onRequest(request),
        () => session.close(),
      );
    },
    Cancel(call, respond) {
      answer(call, respond, async () => {
        const ids = idsFrom(call.request);
        await queue.cancel(ids);
        return { tasks: await infosOf(queue, ids) };
      });
    },
    Retry(call, respond) {
      answer(call, respond, async () => {
        const ids = idsFrom(call.request);
        await queue.retry(ids);
        return { tasks: await infosOf(queue, ids) };
      });
    },
  };
}

async function submit(
  queue: TaskQueue,
  request: SubmitRequest__Output,
  client: string,
): Promise<SubmitResponse> {
  const specs = specsFrom(request, client, Date.now());
  return submitAnswer(request, await queue.submit(specs, request.functions.map(functionFrom)));
}

function tasksIn({ tasks, alike }: SubmitRequest__Output): number {
  return alike.reduce((sum, { taskIds }) => sum + taskIds.length, tasks.length);
}

function refusal({ number }: SubmitRequest__Output, error: unknown): SubmitResponse {
  const { code, message } = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
  return { number, refused: { code, message, mayHaveRun: false } };
}

function idsFrom({ taskIds }: { taskIds: string[] }): TaskId[] {
  return taskIds.map((id) => idFrom(id, 'task_ids'));
}

/** @throws PoolError `not-found` */
async function infosOf(queue: TaskQueue, ids: readonly TaskId[]): Promise<TaskInfo[]> {
  const records = await queue.find(ids);
  return records.map((record, index) => {
    if (record) return infoOf(record, Date.now());
    throw noSuchTask(ids[index] as TaskId);
  });
}

function outcomeOf(queue: TaskQueue, id: TaskId, onLeave: (leave: () => void) => void): Promise<TaskOutcome> {
  return new Promise((resolve, reject) => {
    const watcher = {
      onState: () => undefined,
      onNews: () => undefined,
      wantsNews: () => false,
      onOutcome: (_: TaskId, outcome: TaskOutcome) => resolve(outcome),
    };
    onLeave(() => queue.unwatch([id], watcher));
    queue.watch([id], watcher, (_, reason: PoolError) => reject(reason)).catch(reject);
  });
}
