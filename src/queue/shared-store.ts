import type { TaskId } from '../core/ids.js';
import type { SettledState } from '../core/queue/task.js';
import type { ClaimedStanding, TaskWords } from './course.js';
import type { ClaimedTask, TaskStore, UnsettledTask } from './store.js';
import type { TaskNews } from './task-log.js';

/**
 * A store that several coordinators have in common. Tasks that may begin are offered to all of them, and come to one that has
 * room for them: claimed. Tasks that may not are held for one coordinator, their home, which decides when they may.
 *
 * A claim goes on by itself for as long as its coordinator lives and is connected.
 */
export interface SharedTaskStore extends TaskStore {
  /** This coordinator, in the words of the store; new at every start. */
  readonly holder: string;
  /**
   * Begins to tell what happens. What is needed by tasks that there are is told at once; held tasks whose home is gone come in
   * portions, however many there are.
   */
  listen(listener: SharedListener): void;
  /** Held tasks may begin: whoever has room for one takes it. Those that are not ours, or settled, are left out. */
  offer(ids: readonly TaskId[]): Promise<void>;
  /** So many tasks with these needs may be here at a time, as long as nothing else is said. */
  want(needs: string, count: number): void;
  /** Has those who run these tasks stop them. @returns those that nobody runs */
  cancelElsewhere(ids: readonly TaskId[]): Promise<TaskId[]>;
  /**
   * Of these tasks, those whose results others still need.
   *
   * @returns undefined where not all others have answered.
   */
  usedElsewhere(ids: readonly TaskId[]): Promise<ReadonlySet<TaskId> | undefined>;
  /** Others may want to know that these were given to a worker. */
  tellBegun(ids: readonly TaskId[]): void;
  /** Has whoever runs a task tell its news, from its beginning on, until it has its outcome. */
  follow(id: TaskId): void;
  /** How a task stands that runs elsewhere; undefined where it does not, or nobody answers. */
  standingElsewhere(task: TaskWords): Promise<ClaimedStanding | undefined>;
  /** What somebody elsewhere follows has told something. */
  tellNews(id: TaskId, news: TaskNews): void;
}

/** A task that came to us, claimed. */
export interface ArrivedTask extends ClaimedTask {
  /** How many attempts at it went down with their coordinators. */
  losses: number;
  /** Since when it was there for whoever has room, in ms since 1970. */
  offeredAt: number;
}

export interface SharedListener {
  /** There are tasks that ask for this, or were. */
  needed(needs: string): void;
  arrived(tasks: readonly ArrivedTask[]): void;
  /** Held tasks whose home is gone are ours from now on. */
  adopted(tasks: readonly UnsettledTask[]): void;
  /** These have outcomes, given elsewhere. */
  settled(tasks: readonly { id: TaskId; state: SettledState }[]): void;
  /** These were given to workers elsewhere. */
  begun(ids: readonly TaskId[]): void;
  /** Somebody else has claimed what we run: it took too long that nothing was heard of us. */
  overtaken(ids: readonly TaskId[]): void;
  /** Somebody elsewhere wants a task stopped that runs here. */
  cancelAsked(ids: readonly TaskId[]): void;
  /** Of these tasks, those whose results are needed by tasks here that have not ended. */
  usedAsked(ids: readonly TaskId[]): TaskId[];
  /** Somebody elsewhere wants the news of a task that runs here; @returns what it has told so far. */
  followAsked(id: TaskId): readonly TaskNews[];
  /** Somebody elsewhere asks how a task stands that runs here; undefined for one that does no more. */
  standingAsked(task: TaskWords): ClaimedStanding | undefined;
  told(id: TaskId, news: TaskNews): void;
}

export function isShared(store: TaskStore): store is SharedTaskStore {
  return 'offer' in store;
}
