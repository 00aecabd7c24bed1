import type { ShippedFunction } from '../../wire/functions/source.js';
import type { AlikeTasks } from '../../wire/generated/offhand/v1/AlikeTasks.js';
import type { NewTask } from '../../wire/generated/offhand/v1/NewTask.js';
import type { SubmitRequest } from '../../wire/generated/offhand/v1/SubmitRequest.js';
import type { Encoding } from '../../wire/values/payload.js';

/** Arguments up to this size stand together, in bytes: larger ones gain nothing by it, and all of them are one value to the queue. */
const PACKED_BYTES = 64 * 1024;

/** A task to be submitted: what others may have in common with it, and what it has alone. */
export interface NewSubmission {
  /** The same object in tasks that differ by nothing but what stands here beside it. */
  readonly common: NewTask;
  readonly id: string;
  readonly args: { encoding: Encoding; data: Buffer };
  readonly preview: string;
  readonly fn: ShippedFunction;
}

/** The message for some tasks, and those of them whose ids are in its answer, in their order; the others keep theirs. */
export interface SubmitMessage {
  request: Pick<SubmitRequest, 'tasks' | 'alike'>;
  single: NewSubmission[];
}

/** @param packs whether tasks with much in common are told together. */
export function submitMessage(tasks: readonly NewSubmission[], packs: boolean): SubmitMessage {
  const single: NewSubmission[] = [];
  const alike: AlikeTasks[] = [];
  for (let start = 0; start < tasks.length;) {
    const first = tasks[start] as NewSubmission;
    let end = start + 1;
    while (packs && end < tasks.length && isAlike(first, tasks[end] as NewSubmission)) end += 1;
    if (end === start + 1) single.push(first);
    else alike.push(alikeMessage(first, tasks.slice(start, end)));
    start = end;
  }
  const messages = single.map(({ common, id, args, preview }): NewTask => {
    return { ...common, taskId: id, arguments: args, preview };
  });
  return { request: { tasks: messages, alike }, single };
}

function isAlike(a: NewSubmission, b: NewSubmission): boolean {
  if (a.common !== b.common || a.args.encoding !== b.args.encoding) return false;
  return a.args.data.length <= PACKED_BYTES && b.args.data.length <= PACKED_BYTES;
}

function alikeMessage({ common, args }: NewSubmission, tasks: readonly NewSubmission[]): AlikeTasks {
  return {
    common,
    taskIds: tasks.map(({ id }) => id),
    arguments: { encoding: args.encoding, data: Buffer.concat(tasks.map((task) => task.args.data)) },
    lengths: tasks.map((task) => task.args.data.length),
    previews: tasks.map(({ preview }) => preview),
  };
}
