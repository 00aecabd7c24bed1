import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PoolError } from '../../core/errors.js';
import type { Insert__Output } from '../../wire/generated/offhand/v1/Insert.js';
import type { OutcomeBatch } from '../../wire/generated/offhand/v1/OutcomeBatch.js';
import type { SlotHandlers } from '../../wire/generated/offhand/v1/Slot.js';
import type { TaskBatch__Output } from '../../wire/generated/offhand/v1/TaskBatch.js';
import type { Tasks__Output } from '../../wire/generated/offhand/v1/Tasks.js';
import { hear } from '../../wire/server-stream.js';
import { payloadFrom } from '../../wire/values/payload.js';
import { calledFunctionFrom } from '../called-function.js';
import { arrived } from './delays.js';
import type { Ledger } from '../ledger.js';
import { OutcomeWriter } from './outcome-writer.js';
import type { Insert, Job, PulledLater } from './job.js';
import type { PutValues } from './put-values.js';
import type { TaskRunner } from './task-runner.js';
import type { TaskOrigin } from './task-scope.js';
import { TaskStream } from './task-stream.js';
import type { ValuePuller } from '../value-puller.js';

type Stream = ServerDuplexStream<TaskBatch__Output, OutcomeBatch>;

const CLOSING: OutcomeBatch = { closing: true };

/** Reads the lease of a token: its epoch, or undefined when it is none for this slot or is over. */
export type ReadEpoch = (token: string) => number | undefined;

/** The Slot service, in the thread: decodes, hands to the runner, encodes. */
export class SlotService {
  readonly #runner: TaskRunner;
  readonly #puts: PutValues;
  readonly #readEpoch: ReadEpoch;
  readonly #ledger: Ledger;
  readonly #puller: ValuePuller;
  readonly #streams = new Set<Stream>();
  #isClosing = false;

  constructor(
    runner: TaskRunner,
    puts: PutValues,
    ledger: Ledger,
    puller: ValuePuller,
    readEpoch: ReadEpoch,
  ) {
    this.#runner = runner;
    this.#puts = puts;
    this.#ledger = ledger;
    this.#puller = puller;
    this.#readEpoch = readEpoch;
  }

  get handlers(): SlotHandlers {
    return { RunTasks: (stream) => this.#open(stream) };
  }

  /** Nothing more begins here: asks all clients to hang up. */
  close(): void {
    this.#isClosing = true;
    for (const stream of this.#streams) stream.write(CLOSING);
  }

  #open(stream: Stream): void {
    this.#streams.add(stream);
    if (this.#isClosing) stream.write(CLOSING);
    const writer = new OutcomeWriter(this.#ledger, (batch, onWritten) => stream.write(batch, onWritten));
    let epoch: number | undefined;
    hear(
      stream,
      (batch: TaskBatch__Output) => {
        if (batch.leaseId) epoch = this.#readEpoch(batch.leaseId);
        for (const put of batch.puts) this.#puts.received(put);
        for (const tasks of batch.tasks) this.#add(tasks, batch.client, epoch, writer);
        for (const { number, allowed, left } of batch.demands) {
          const told = this.#runner.streamOf(writer, number);
          told?.allow(allowed);
          if (left) told?.leave();
        }
      },
      () => {
        writer.isClosed = true;
        this.#runner.streamOf(writer)?.leave();
        this.#streams.delete(stream);
      },
    );
  }

  #add(tasks: Tasks__Output, client: string, epoch: number | undefined, outbox: OutcomeWriter): void {
    if (epoch !== undefined)
      return this.#runner.add({
        ...jobFrom(tasks, epoch, outbox, this.#puller, this.#puts),
        origin: originOf(tasks, client),
        isolate: tasks.isolate,
      });
    outbox.notBegun(tasks.number, tasks.count);
    outbox.flush();
  }
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
function jobFrom(
  tasks: Tasks__Output,
  epoch: number,
  outbox: OutcomeWriter,
  puller: ValuePuller,
  puts: PutValues,
): Job {
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
  if (tasks.stream && (isList || tasks.isolate)) {
    throw new PoolError('invalid-argument', 'tasks.stream: expected one task, in the thread of its slot');
  }
  const { inserts, whenThere } = insertsFrom(tasks.inserts, puts);
  const args = argumentsOf(tasks, puller);
  return {
    ...called,
    epoch,
    number,
    count,
    args: whenThere ? pulledAfter(whenThere, args) : args,
    isList,
    inserts,
    apart,
    delays: apart && count === 1 ? arrived() : undefined,
    ...(taskId && count === 1 && { taskId }),
    outbox,
    ...(tasks.stream && { stream: new TaskStream(number, tasks.stream.allowed, outbox) }),
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

/** Values that are not here yet are there when `whenThere` resolves. */
function insertsFrom(
  messages: readonly Insert__Output[],
  puts: PutValues,
): { inserts: Insert[]; whenThere: Promise<unknown> | undefined } {
  const missing: Promise<unknown>[] = [];
  const inserts = messages.map(({ index, value, put }): Insert => {
    if (!put) return { index, value: payloadFrom(value, 'inserts.value') };
    const insert: Insert = { index, value: undefined };
    const content = puts.get(put);
    if (content instanceof Promise) missing.push(content.then((known) => (insert.value = known)));
    else insert.value = content;
    return insert;
  });
  return { inserts, whenThere: missing.length > 0 ? Promise.all(missing) : undefined };
}

function pulledAfter(whenThere: Promise<unknown>, args: Job['args']): PulledLater {
  whenThere.catch(() => undefined); // Told when the task would begin.
  return {
    encoding: args.encoding,
    async pull() {
      await whenThere;
      return 'data' in args ? args : args.pull();
    },
  };
}

function argumentsOf({ arguments: args, argumentsAt }: Tasks__Output, puller: ValuePuller): Job['args'] {
  if (!argumentsAt) return payloadFrom(args, 'arguments');
  const { encoding } = payloadFrom({ encoding: argumentsAt.encoding }, 'arguments_at');
  return { encoding, pull: () => puller.pull(argumentsAt) };
}
