import type { TaskBatch } from '../../wire/generated/offhand/v1/TaskBatch.js';
import type { Insert as InsertMessage } from '../../wire/generated/offhand/v1/Insert.js';
import type { Limits } from '../../wire/generated/offhand/v1/Limits.js';
import type { Tasks } from '../../wire/generated/offhand/v1/Tasks.js';
import type { Part as PartMessage } from '../../wire/generated/offhand/v1/Part.js';
import { keyOf, type Part } from '../../wire/functions/parts.js';
import { bytesOf } from '../../wire/outcome.js';
import { encodePayload } from '../../wire/values/payload.js';
import type { CallOptions } from '../options.js';
import { CLIENT_ID, type DirectTask } from './direct-task.js';
import type { SlotLink } from './slot-link.js';

/** One message for tasks that are numbered in a row. Those told alike, with nothing but primitive arguments, share one encoding. */
export function batchOf(tasks: readonly DirectTask[], slot: SlotLink): TaskBatch {
  const batch: Tasks[] = [];
  for (let start = 0; start < tasks.length;) {
    const first = tasks[start] as DirectTask;
    let end = start + 1;
    while (end < tasks.length && isAlike(first, tasks[end] as DirectTask, end - start)) end += 1;
    batch.push(tasksMessage(tasks.slice(start, end), first, slot));
    start = end;
  }
  return { tasks: batch, client: CLIENT_ID };
}

/** @param distance how far b comes behind a. */
function isAlike(a: DirectTask, b: DirectTask, distance: number): boolean {
  if (a.puts.length + b.puts.length > 0) return false;
  if (a.fn.id !== b.fn.id || a.name !== b.name || 'data' in a.args || 'data' in b.args) return false;
  if (b.serial !== a.serial + distance || b.attempt !== a.attempt) return false;
  return isPlain(a) && (a.options === b.options || (isPlain(b) && a.output === b.output));
}

function isPlain({ options }: DirectTask): boolean {
  const { timeoutMs, cancelGraceMs, onProgress, isolate } = options;
  return timeoutMs === undefined && cancelGraceMs === undefined && !onProgress && !isolate;
}

function limitsOf({ timeoutMs, cancelGraceMs }: CallOptions): Limits | null {
  if (timeoutMs === undefined && cancelGraceMs === undefined) return null;
  return {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(cancelGraceMs !== undefined && { cancelGraceMs }),
  };
}

function tasksMessage(tasks: readonly DirectTask[], first: DirectTask, slot: SlotLink): Tasks {
  const { fn, name, number, args, serial, attempt, output, options } = first;
  const { inserts, isOpaque, stream, puts, knownAs } = first;
  const { isolate = false } = options;
  const isList = tasks.length > 1;
  const payload = isList
    ? encodePayload(
        tasks.map((task) => task.args),
        'V8',
        'arguments',
      )
    : 'data' in args
      ? args
      : encodePayload(args, 'V8', 'arguments');
  // What is left out has its default. Set one after the other: this is done for each task of the queue.
  const message: Tasks = { number, count: tasks.length, name, serial, attempt, output };
  if (!isolate && slot.knows(fn.id)) message.functionId = fn.id;
  else {
    message.source = fn.source;
    message.parts = fn.parts.map((part) => partMessage(part, isolate ? undefined : slot));
  }
  // Only a slot on this machine reaches what the client hands out.
  if (first.reference && slot.isLocal) message.argumentsAt = first.reference;
  else message.arguments = bytesOf(payload);
  const limits = limitsOf(options);
  if (limits) message.limits = limits;
  if (isList) message.isList = true;
  if (options.onProgress) message.followsProgress = true;
  if (isolate) message.isolate = true;
  if (isOpaque) message.apart = true;
  if (stream) message.stream = stream.begin((demand) => slot.demand({ number, ...demand }));
  if (knownAs !== undefined) message.taskId = knownAs;
  if (inserts.length > 0)
    message.inserts = inserts.map(({ index, value }) => ({ index, value: bytesOf(value) }));
  if (puts.length > 0) message.inserts = putInserts(first, slot);
  return message;
}

/** A slot on this machine pulls what its worker does not have; any other is sent it ahead. */
function putInserts({ puts, putReferences }: DirectTask, slot: SlotLink): InsertMessage[] {
  return puts.map((put, position) => {
    const { index, id, content } = put;
    const at = slot.isLocal ? putReferences[position] : undefined;
    if (!at) slot.sendAhead(put);
    return { index, put: { id, form: content.form, ...(at && { at }) } };
  });
}

/** @param slot that may know the part; undefined for a thread that knows nothing. */
function partMessage(part: Part, slot: SlotLink | undefined): PartMessage {
  const { kind, id, name, data, remedy } = part;
  return { kind, name, remedy, ...(slot?.knows(keyOf(part)) ? { id } : { data }) };
}
