import { setImmediate } from 'node:timers/promises';
import { PoolError } from '../../core/errors.js';
import { TASK_ID } from '../../core/ids.js';
import { TASK_STATES, type TaskState } from '../../core/queue/task.js';
import type { CoordinatorLink } from '../coordinator-link.js';
import { Follower } from './follower.js';
import { newSubmission, type SubmittedCallee } from './new-submission.js';
import { checkKeys, refuse } from '../options.js';
import { QueueLink } from './queue-link.js';
import type { NewSubmission } from './submit-message.js';
import { checkSubmitOptions, type SubmitOptions } from './submit-options.js';
import { Portion, Submissions } from './submissions.js';
import { type TaskDetails, taskDetailsFrom } from './task-details.js';
import { TaskHandle, type WrittenFiles } from './task-handle.js';
import { writtenFiles } from '../shipping/written-files.js';

/** Which tasks are listed. */
export interface TaskFilter {
  /** Those in one of these states. @default all */
  state?: TaskState | readonly TaskState[];
  /** Those of this name. */
  name?: string;
  /** Those of this group. */
  group?: string;
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
    coordinator.onMoved(() => this.#follower.moved());
  }

  async submit(callee: SubmittedCallee, args: unknown, options: SubmitOptions): Promise<TaskHandle> {
    const portion = new Portion();
    const task = newSubmission(callee, args, checkSubmitOptions(options, callee.defaults));
    portion.add(task);
    const [id] = await this.#submissions.add(portion);
    return this.handle(id, writtenOf(callee, task));
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
    if (
      typeof lists !== 'object' ||
      lists === null ||
      !(Symbol.iterator in lists || Symbol.asyncIterator in lists)
    )
      refuse('lists', 'an iterable of arrays of arguments', lists);
    const submitted: Promise<string[]>[] = [];
    let portion = new Portion();
    const send = () => {
      const ids = this.#submissions.add(portion);
      ids.catch(() => undefined); // Told below, with those before it.
      submitted.push(ids);
      portion = new Portion();
    };
    let last: NewSubmission | undefined;
    const add = (args: unknown) => portion.add((last = newSubmission(callee, args, checked, last)));
    if (Symbol.asyncIterator in lists) {
      // What comes next may be long in coming.
      for await (const args of lists) {
        add(args);
        send();
      }
    } else {
      for (const args of lists) {
        add(args);
        if (!portion.isFull) continue;
        send();
        await setImmediate(); // It is on its way while the next ones are made ready.
      }
      if (portion.tasks.length > 0) send();
    }
    const written = last && writtenOf(callee, last);
    return (await Promise.all(submitted)).flat().map((id) => this.handle(id, written));
  }

  /** @param written where what it runs is written, of one that was submitted here. */
  handle(id: unknown, written?: WrittenFiles): TaskHandle {
    if (typeof id !== 'string' || !TASK_ID.test(id))
      refuse('task', 'the id of a task, 16 to 64 letters and digits', id);
    return new TaskHandle(id, this.#link, this.#follower, written);
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
    this.#link.close();
    this.#follower.close();
  }
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

function writtenOf({ fn }: SubmittedCallee, task: NewSubmission): WrittenFiles {
  return () => writtenFiles(fn as object, task.fn);
}
