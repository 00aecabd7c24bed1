import type { TaskId } from '../core/ids.js';
import type { TaskFacts } from '../core/queue/task.js';
import { needsOf } from './executors.js';
import type { SubmittedTask } from '../core/queue/events.js';
import type { AddedTask, TaskSpec, UnsettledTask } from './store.js';

type SharedFacts = Omit<TaskFacts, 'id' | 'after' | 'uses'>;

const NONE: readonly TaskId[] = [];

/** There may be a million of them, most of which were submitted together: what those have in common is kept once. */
class Facts implements TaskFacts {
  readonly id: TaskId;
  readonly after: readonly TaskId[];
  readonly uses: readonly TaskId[];
  readonly #shared: SharedFacts;

  constructor(id: TaskId, after: readonly TaskId[], uses: readonly TaskId[], shared: SharedFacts) {
    this.id = id;
    this.after = after;
    this.uses = uses;
    this.#shared = shared;
  }

  get name(): string {
    return this.#shared.name;
  }

  get client(): string {
    return this.#shared.client;
  }

  get priority(): number {
    return this.#shared.priority;
  }

  get needs(): string {
    return this.#shared.needs;
  }

  get functionId(): string {
    return this.#shared.functionId;
  }

  get notBefore(): number {
    return this.#shared.notBefore;
  }

  get group(): TaskFacts['group'] {
    return this.#shared.group;
  }

  get queueTimeoutMs(): number | undefined {
    return this.#shared.queueTimeoutMs;
  }

  get runsOnce(): boolean {
    return this.#shared.runsOnce;
  }

  get deadlineAt(): number | undefined {
    return this.#shared.deadlineAt;
  }
}

/** Of the newest task; those that were submitted together follow one another. */
let newest: SharedFacts | undefined;

function sharedFacts(spec: Omit<TaskSpec, 'args'>): SharedFacts {
  const { name, client, priority, functionId, notBefore, group, queueTimeoutMs, deadlineAt, requires } = spec;
  const [needs, runsOnce] = [needsOf(requires), spec.retries === 0];
  if (
    newest?.functionId === functionId &&
    newest.name === name &&
    newest.client === client &&
    newest.priority === priority &&
    newest.needs === needs &&
    newest.notBefore === notBefore &&
    newest.group?.name === group?.name &&
    newest.group?.limit === group?.limit &&
    newest.queueTimeoutMs === queueTimeoutMs &&
    newest.runsOnce === runsOnce &&
    newest.deadlineAt === deadlineAt
  )
    return newest;
  newest = {
    name,
    client,
    priority,
    needs,
    functionId,
    notBefore,
    group,
    queueTimeoutMs,
    runsOnce,
    deadlineAt,
  };
  return newest;
}

/** What decisions about a task depend on. @param unsettled of the tasks it comes after, those that have no outcome. */
export function factsOf(spec: Omit<TaskSpec, 'args'>, unsettled: readonly TaskId[]): TaskFacts {
  const uses = spec.results.length > 0 ? spec.results.map((result) => result.id) : NONE;
  return new Facts(spec.id, unsettled.length > 0 ? unsettled : NONE, uses, sharedFacts(spec));
}

/** The same, but that it comes after these. */
export function afterThese(facts: TaskFacts, after: readonly TaskId[]): TaskFacts {
  const { id, name, client, priority, needs, functionId, notBefore, group, uses } = facts;
  const { queueTimeoutMs, deadlineAt, runsOnce } = facts;
  const limits = { queueTimeoutMs, deadlineAt, runsOnce };
  return { id, name, client, priority, needs, functionId, notBefore, group, uses, after, ...limits };
}

/** As the store has it, when it is taken up. */
export function submittedFrom({ spec, unsettled, upstream, wasClaimed }: UnsettledTask): SubmittedTask {
  return { facts: factsOf(spec, unsettled), upstream, wasCutShort: wasClaimed };
}

/** Those that were not there before. */
export function addedAsSubmitted(tasks: readonly TaskSpec[], added: readonly AddedTask[]): SubmittedTask[] {
  return tasks.flatMap((spec, index) => {
    const task = added[index];
    if (!task?.isNew) return [];
    const { id, unsettled, upstream, isOffered = false } = task;
    return [{ facts: factsOf(spec.id === id ? spec : { ...spec, id }, unsettled), upstream, isOffered }];
  });
}
