import type { TaskId } from '../../src/core/ids.js';
import { isSettled } from '../../src/core/queue/task.js';
import type { ArrivedTask, SharedListener, SharedTaskStore } from '../../src/queue/shared-store.js';
import type { ClaimedTask, TaskStore } from '../../src/queue/store.js';
import { waitFor } from '../support/wait.js';

/** A coordinator that hears what a shared store tells, and no more. */
export class Listener implements SharedListener {
  readonly arrivals = new Map<TaskId, ArrivedTask>();
  readonly outcomes = new Map<TaskId, string>();
  readonly lost: TaskId[] = [];
  readonly needs = new Set<string>();
  readonly home: TaskId[] = [];
  readonly toCancel: TaskId[] = [];
  readonly used = new Set<TaskId>();
  readonly news: unknown[] = [];
  readonly beginnings: TaskId[] = [];

  needed(needs: string): void {
    this.needs.add(needs);
  }

  arrived(tasks: readonly ArrivedTask[]): void {
    for (const task of tasks) this.arrivals.set(task.spec.id, task);
  }

  adopted(tasks: Parameters<SharedListener['adopted']>[0]): void {
    this.home.push(...tasks.map(({ spec }) => spec.id));
  }

  settled(tasks: Parameters<SharedListener['settled']>[0]): void {
    for (const { id, state } of tasks) this.outcomes.set(id, state);
  }

  begun(ids: readonly TaskId[]): void {
    this.beginnings.push(...ids);
  }

  overtaken(ids: readonly TaskId[]): void {
    this.lost.push(...ids);
  }

  cancelAsked(ids: readonly TaskId[]): void {
    this.toCancel.push(...ids);
  }

  usedAsked(ids: readonly TaskId[]): TaskId[] {
    return ids.filter((id) => this.used.has(id));
  }

  followAsked(): never[] {
    return [];
  }

  standingAsked(): undefined {
    return undefined;
  }

  told(...news: unknown[]): void {
    this.news.push(news);
  }
}

/** A shared store of which tasks can be claimed as of any other: those asked for are waited for. */
export function claimable(store: SharedTaskStore): TaskStore {
  const listener = new Listener();
  store.listen(listener);
  const claim = async (ids: readonly TaskId[]): Promise<(ClaimedTask | undefined)[]> => {
    await store.offer(ids);
    const records = await store.find(ids);
    const open = ids.filter((_, index) => records[index] && !isSettled(records[index].state));
    for (const id of open) listener.arrivals.delete(id);
    store.want('', 1_000);
    await waitFor('the tasks to arrive', () => open.every((id) => listener.arrivals.has(id)));
    store.want('', 0);
    return ids.map((id) => {
      const arrived = open.includes(id) ? listener.arrivals.get(id) : undefined;
      return arrived && { spec: arrived.spec, fn: arrived.fn, attempt: arrived.attempt };
    });
  };
  return new Proxy<TaskStore>(store, {
    get(target, key) {
      if (key === 'claim') return claim;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}
