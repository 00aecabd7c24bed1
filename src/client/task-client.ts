import { randomBytes } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import { TASK_ID } from '../core/ids.js';
import { TASK_STATES, type TaskState } from '../core/queue/task.js';
import { bytesOf } from '../wire/outcome.js';
import type { NewTask } from '../wire/generated/offhand/v1/NewTask.js';
import { encodePayload } from '../wire/values/payload.js';
import { previewOf } from './arguments-preview.js';
import type { Captures } from './captures.js';
import type { CoordinatorLink } from './coordinator-link.js';
import { Follower } from './follower.js';
import { type CallOptions, checkKeys, refuse } from './options.js';
import { QueueLink } from './queue-link.js';
import { Reference } from './references.js';
import type { Setups } from './setups.js';
import { shipCall } from './ship.js';
import { type CheckedSubmitOptions, checkSubmitOptions, type SubmitOptions } from './submit-options.js';
import { Submissions } from './submissions.js';
import { type TaskDetails, taskDetailsFrom } from './task-details.js';
import { TaskHandle } from './task-handle.js';

/** Which tasks are listed. */
export interface TaskFilter {
  /** Those in one of these states. @default all */
  state?: TaskState | readonly TaskState[];
  /** Those of this name. */
  name?: string;
  /** Those of this group. */
  group?: string;
}

/** What is called, with what goes along and what the pool has as options. */
export interface SubmittedCallee {
  fn: unknown;
  captures: Captures;
  setups?: Setups | undefined;
  defaults: CallOptions;
}

/** A client's side of the queue. */
export class TaskClient {
  readonly #link: QueueLink;
  readonly #follower: Follower;
  readonly #submissions: Submissions;

  /** @param reconnectMs for how long a coordinator that is gone is waited for. */
  constructor(coordinator: CoordinatorLink, reconnectMs: number) {
    this.#link = new QueueLink(coordinator);
    this.#follower = new Follower(this.#link, reconnectMs);
    this.#submissions = new Submissions(this.#link, reconnectMs);
  }

  async submit(callee: SubmittedCallee, args: unknown, options: SubmitOptions): Promise<TaskHandle> {
    const checked = checkSubmitOptions(options, callee.defaults);
    return this.handle(await this.#submit(callee, args, checked));
  }

  /** Resolves when all of them are in the queue. */
  async submitMany(
    callee: SubmittedCallee,
    lists: Iterable<unknown> | AsyncIterable<unknown>,
    options: SubmitOptions,
  ): Promise<TaskHandle[]> {
    const checked = checkSubmitOptions(options, callee.defaults);
    if (checked.key !== undefined)
      throw new PoolError('invalid-argument', 'key: it is of one task; submit that by itself');
    const submitted: Promise<string>[] = [];
    for await (const args of lists) {
      const task = this.#submit(callee, args, checked);
      task.catch(() => undefined); // Told below, with those before it.
      submitted.push(task);
    }
    return (await Promise.all(submitted)).map((id) => this.handle(id));
  }

  handle(id: unknown): TaskHandle {
    if (typeof id !== 'string' || !TASK_ID.test(id))
      refuse('task', 'the id of a task, 16 to 64 letters and digits', id);
    return new TaskHandle(id, this.#link, this.#follower);
  }

  /** Newest first. */
  async *list(filter: TaskFilter): AsyncGenerator<TaskDetails, void, void> {
    const { name, group } = filter;
    const states = checkFilter(filter);
    let cursor = '';
    do {
      const page = await this.#link.list({
        states,
        ...(name !== undefined && { name }),
        ...(group !== undefined && { group }),
        cursor,
      });
      for (const task of page.tasks) yield taskDetailsFrom(task);
      cursor = page.cursor;
    } while (cursor);
  }

  close(): void {
    this.#follower.close();
  }

  #submit(
    { fn, captures, setups, defaults }: SubmittedCallee,
    given: unknown,
    options: CheckedSubmitOptions,
  ): Promise<string> {
    if (!Array.isArray(given)) refuse('args', 'an array of arguments', given);
    const handles: { index: number; taskId: string }[] = [];
    const args = given.map((value: unknown, index) => {
      if (value instanceof Reference)
        throw new PoolError(
          'invalid-argument',
          `args[${index}]: a value of pool.put ends with this pool, which a submitted task outlives; submit the value itself`,
        );
      if (!(value instanceof TaskHandle)) return value;
      handles.push({ index, taskId: value.id });
      return undefined;
    });
    const name = options.name ?? defaults.name;
    const shipped = shipCall({ fn, args, captures, setups, options: name === undefined ? {} : { name } });
    const payload = bytesOf(
      'data' in shipped.args ? shipped.args : encodePayload(shipped.args, 'V8', 'arguments'),
    );
    const { retries, retryOn, group, expectedMs } = options;
    const task: NewTask = {
      taskId: newTaskId(),
      functionId: shipped.fn.id,
      name: shipped.name,
      arguments: payload,
      results: handles,
      after: options.after?.map(({ id }) => id) ?? [],
      priority: options.priority ?? 0,
      delayMs: options.delayMs ?? 0,
      key: options.key ?? '',
      ...(group && { group: group.name, groupLimit: group.limit }),
      ...(options.timeoutMs !== undefined && { limits: { timeoutMs: options.timeoutMs } }),
      queueTimeoutMs: options.queueTimeoutMs ?? 0,
      deadlineMs: options.deadlineMs ?? 0,
      ...((retries !== undefined || retryOn) && {
        retry: { ...(retries !== undefined && { retries }), retryOn: [...(retryOn ?? [])] },
      }),
      preview: previewOf(given),
      requires: [...(options.requires ?? [])],
      ...(expectedMs !== undefined && { expectedMs }),
    };
    return this.#submissions.add(task, shipped.fn, payload.data.length + 200);
  }
}

/** Ids of one process follow one another, so that stores find them side by side. */
function newTaskId(): string {
  return `${Date.now().toString(36)}${randomBytes(8).toString('hex')}`;
}

function checkFilter(filter: TaskFilter): TaskState[] {
  checkKeys('pool.tasks', filter, ['state', 'name', 'group']);
  const { state = [], name, group } = filter;
  const states = typeof state === 'string' ? [state] : [...state];
  for (const one of states) if (!TASK_STATES.includes(one)) refuse('state', TASK_STATES.join(', '), one);
  if (name !== undefined && typeof name !== 'string') refuse('name', 'a string', name);
  if (group !== undefined && typeof group !== 'string') refuse('group', 'a string', group);
  return states;
}
