import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import type { OutcomeBatch } from '../wire/generated/offhand/v1/OutcomeBatch.js';
import type { SlotHandlers } from '../wire/generated/offhand/v1/Slot.js';
import type { TaskBatch__Output } from '../wire/generated/offhand/v1/TaskBatch.js';
import type { Tasks__Output } from '../wire/generated/offhand/v1/Tasks.js';
import { hear } from '../wire/server-stream.js';
import { payloadFrom } from '../wire/values/payload.js';
import { calledFunctionFrom } from './called-function.js';
import { arrived } from './delays.js';
import type { Ledger } from './ledger.js';
import { OutcomeWriter } from './outcome-writer.js';
import type { Job, TaskRunner } from './task-runner.js';
import type { TaskOrigin } from './task-scope.js';
import type { ValuePuller } from './value-puller.js';

type Stream = ServerDuplexStream<TaskBatch__Output, OutcomeBatch>;

/** Reads the lease of a token: its epoch, or undefined when it is none for this slot or is over. */
export type ReadEpoch = (token: string) => number | undefined;

/** The Slot service, in the thread: decodes, hands to the runner, encodes. */
export class SlotService {
  readonly #runner: TaskRunner;
  readonly #readEpoch: ReadEpoch;
  readonly #ledger: Ledger;
  readonly #puller: ValuePuller;

  constructor(runner: TaskRunner, ledger: Ledger, puller: ValuePuller, readEpoch: ReadEpoch) {
    this.#runner = runner;
    this.#ledger = ledger;
    this.#puller = puller;
    this.#readEpoch = readEpoch;
  }

  get handlers(): SlotHandlers {
    return { RunTasks: (stream) => this.#open(stream) };
  }

  #open(stream: Stream): void {
    const writer = new OutcomeWriter(this.#ledger, (batch, onWritten) => stream.write(batch, onWritten));
    let epoch: number | undefined;
    hear(
      stream,
      (batch: TaskBatch__Output) => {
        if (batch.leaseId) epoch = this.#readEpoch(batch.leaseId);
        for (const tasks of batch.tasks) this.#add(tasks, batch.client, epoch, writer);
      },
      () => (writer.isClosed = true),
    );
  }

  #add(tasks: Tasks__Output, client: string, epoch: number | undefined, outbox: OutcomeWriter): void {
    if (epoch !== undefined)
      return this.#runner.add({
        ...jobFrom(tasks, epoch, outbox, this.#puller),
        origin: originOf(tasks, client),
        isolate: tasks.isolate,
      });
    outbox.notBegun(tasks.number, tasks.count);
    outbox.flush();
  }
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
function jobFrom(tasks: Tasks__Output, epoch: number, outbox: OutcomeWriter, puller: ValuePuller): Job {
  const { number, count, isList, apart, taskId } = tasks;
  const called = calledFunctionFrom(tasks);
  if (tasks.isolate && (isList || !tasks.source)) {
    throw new PoolError('invalid-argument', 'tasks.isolate: expected one task, with its source');
  }
  if (!(number >= 1) || !(count >= 1) || (count > 1 && !isList)) {
    throw new PoolError(
      'invalid-argument',
      'tasks: expected a number and a count of at least 1, several only as a list',
    );
  }
  const inserts = tasks.inserts.map(({ index, value }) => ({
    index,
    value: payloadFrom(value, 'inserts.value'),
  }));
  return {
    ...called,
    epoch,
    number,
    count,
    args: argumentsOf(tasks, puller),
    isList,
    inserts,
    apart,
    delays: apart && count === 1 ? arrived() : undefined,
    ...(taskId && count === 1 && { taskId }),
    outbox,
  };
}

/** A caller that does not say who calls gets ids by the lease. */
function originOf(
  { serial, attempt, followsProgress, output }: Tasks__Output,
  client: string,
): TaskOrigin | undefined {
  if (!client || !(serial >= 1)) return undefined;
  return { client, serial, attempt: Math.max(1, attempt), followsProgress, output };
}

function argumentsOf({ arguments: args, argumentsAt }: Tasks__Output, puller: ValuePuller): Job['args'] {
  if (!argumentsAt) return payloadFrom(args, 'arguments');
  const { encoding } = payloadFrom({ encoding: argumentsAt.encoding }, 'arguments_at');
  return { encoding, pull: () => puller.pull(argumentsAt) };
}
