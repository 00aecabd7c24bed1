import type { TaskBatch } from '../wire/generated/offhand/v1/TaskBatch.js';
import type { Tasks } from '../wire/generated/offhand/v1/Tasks.js';
import type { Part as PartMessage } from '../wire/generated/offhand/v1/Part.js';
import { keyOf, type Part } from '../wire/functions/parts.js';
import { bytesOf } from '../wire/outcome.js';
import { encodePayload } from '../wire/values/payload.js';
import type { DirectTask } from './direct-task.js';
import type { SlotLink } from './slot-link.js';

/** One message for tasks that are numbered in a row. Those told alike, with nothing but primitive arguments, share one encoding. */
export function batchOf(tasks: readonly DirectTask[], slot: SlotLink): TaskBatch {
  const batch: Tasks[] = [];
  for (let start = 0; start < tasks.length;) {
    const first = tasks[start] as DirectTask;
    let end = start + 1;
    while (end < tasks.length && isAlike(first, tasks[end] as DirectTask)) end += 1;
    batch.push(tasksMessage(tasks.slice(start, end), first, slot));
    start = end;
  }
  return { tasks: batch };
}

function isAlike(a: DirectTask, b: DirectTask): boolean {
  if (a.fn.id !== b.fn.id || a.name !== b.name || 'data' in a.args || 'data' in b.args) return false;
  return a.timeoutMs === undefined && b.timeoutMs === undefined;
}

function tasksMessage(tasks: readonly DirectTask[], first: DirectTask, slot: SlotLink): Tasks {
  const { fn, name, number, args, timeoutMs, inserts, isOpaque } = first;
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
  return {
    number,
    count: tasks.length,
    ...(slot.knows(fn.id)
      ? { functionId: fn.id }
      : { source: fn.source, parts: fn.parts.map((part) => partMessage(part, slot)) }),
    name,
    // Only a slot on this machine reaches what the client hands out.
    ...(first.reference && slot.isLocal ? { argumentsAt: first.reference } : { arguments: bytesOf(payload) }),
    isList,
    limits: timeoutMs === undefined ? null : { timeoutMs },
    apart: isOpaque,
    ...(inserts.length > 0 && {
      inserts: inserts.map(({ index, value }) => ({ index, value: bytesOf(value) })),
    }),
  };
}

function partMessage(part: Part, slot: SlotLink): PartMessage {
  const { kind, id, name, data, remedy } = part;
  return { kind, name, remedy, ...(slot.knows(keyOf(part)) ? { id } : { data }) };
}
