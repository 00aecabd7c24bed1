import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { TaskId } from '../../../core/ids.js';
import type { SettledState } from '../../../core/queue/task.js';
import type { TaskNews } from '../../task-log.js';
import type { TaskHead } from './heads.js';
import type { ClaimedStanding, TaskWords } from '../../course.js';
import type { SharedListener } from '../../shared-store.js';
import { lettersTo, NEWS_SUBJECT } from './names.js';

/** What goes in one message at most. */
const MOST = 2_000;

/** How long somebody who was asked may take, in ms. */
const ANSWER_MS = 5_000;

type SettledTask = { id: TaskId; state: SettledState };

/** To all. */
interface Notice {
  from: string;
  settled?: [TaskId, SettledState][];
  begun?: TaskId[];
}

/** To one. */
interface Letter {
  from: string;
  cancel?: TaskId[];
  follow?: TaskId;
  used?: TaskId[];
  standing?: TaskWords;
  told?: [TaskId, TaskNews][];
}

interface Answer {
  /** Of the tasks asked for. */
  used?: TaskId[];
  /** Of the task asked for. */
  standing?: ClaimedStanding | undefined;
}

/**
 * What coordinators tell one another of tasks. None of it is kept, and some of it may be lost: whoever has to know looks the
 * records up besides.
 */
export class News {
  readonly #nats: NatsConnection;
  readonly #holder: string;
  readonly #subscriptions: Subscription[] = [];
  /** Who elsewhere follows a task that runs here. */
  readonly #followers = new Map<TaskId, Set<string>>();
  readonly #told = new Map<string, [TaskId, TaskNews][]>();
  #settled: SettledTask[] = [];
  #begun: TaskId[] = [];
  #isDue = false;

  constructor(nats: NatsConnection, holder: string) {
    this.#nats = nats;
    this.#holder = holder;
  }

  listen(listener: SharedListener): void {
    this.#subscribe(NEWS_SUBJECT, (message) => {
      const { from, settled = [], begun = [] } = message.json<Notice>();
      if (from === this.#holder) return;
      if (begun.length > 0) listener.begun(begun);
      if (settled.length > 0) listener.settled(settled.map(([id, state]) => ({ id, state })));
    });
    this.#subscribe(lettersTo(this.#holder), (message) => {
      const { from, cancel = [], follow, used, standing, told = [] } = message.json<Letter>();
      if (cancel.length > 0) listener.cancelAsked(cancel);
      if (follow !== undefined) this.#follow(follow, from, listener.followAsked(follow));
      for (const [id, news] of told) listener.told(id, news);
      const answer: Answer = used ? { used: listener.usedAsked(used) } : {};
      if (standing) answer.standing = listener.standingAsked(standing);
      if (message.reply) message.respond(JSON.stringify(answer));
    });
  }

  settled(tasks: readonly SettledTask[]): void {
    for (const { id } of tasks) this.#followers.delete(id);
    this.#settled.push(...tasks);
    this.#sendSoon();
  }

  begun(ids: readonly TaskId[]): void {
    this.#begun.push(...ids);
    this.#sendSoon();
  }

  tell(id: TaskId, news: TaskNews): void {
    for (const follower of this.#followers.get(id) ?? []) this.#tellOne(follower, id, news);
  }

  /** @returns undefined where it was not heard. */
  async ask(holder: string, letter: Omit<Letter, 'from'>): Promise<Answer | undefined> {
    const text = JSON.stringify({ from: this.#holder, ...letter });
    return this.#nats.request(lettersTo(holder), text, { timeout: ANSWER_MS }).then(
      (message) => message.json<Answer>(),
      () => undefined,
    );
  }

  /** Of whoever else runs a task, by its record. */
  async askRunner(head: TaskHead | undefined, letter: Omit<Letter, 'from'>): Promise<Answer | undefined> {
    const { state, holder } = head ?? {};
    if (state !== 'running' || holder === undefined || holder === this.#holder) return undefined;
    return this.ask(holder, letter);
  }

  /** Of these tasks, those whose results somebody else of those present needs; undefined where not all have answered. */
  async usedElsewhere(
    ids: readonly TaskId[],
    present: ReadonlySet<string>,
  ): Promise<ReadonlySet<TaskId> | undefined> {
    const others = [...present].filter((holder) => holder !== this.#holder);
    const answers = await Promise.all(others.map((holder) => this.ask(holder, { used: [...ids] })));
    if (answers.includes(undefined)) return undefined;
    return new Set(answers.flatMap((answer) => answer?.used ?? []));
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#send();
  }

  #follow(id: TaskId, follower: string, soFar: readonly TaskNews[]): void {
    const followers = this.#followers.get(id);
    if (followers) followers.add(follower);
    else this.#followers.set(id, new Set([follower]));
    for (const news of soFar) this.#tellOne(follower, id, news);
  }

  #tellOne(follower: string, id: TaskId, news: TaskNews): void {
    const told = this.#told.get(follower);
    if (told) told.push([id, news]);
    else this.#told.set(follower, [[id, news]]);
    this.#sendSoon();
  }

  #subscribe(subject: string, onMessage: (message: Msg) => void): void {
    const callback = (error: Error | null, message: Msg) => {
      if (!error) onMessage(message);
    };
    this.#subscriptions.push(this.#nats.subscribe(subject, { callback }));
  }

  /** What one turn brings goes together. */
  #sendSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#nats.isClosed()) return;
    const [settled, begun, told] = [this.#settled, this.#begun, [...this.#told]];
    this.#settled = [];
    this.#begun = [];
    this.#told.clear();
    // What is told of a task comes before its outcome.
    for (const [follower, news] of told)
      for (let at = 0; at < news.length; at += MOST)
        this.#publish(lettersTo(follower), { told: news.slice(at, at + MOST) });
    for (let at = 0; at < Math.max(settled.length, begun.length); at += MOST) {
      const outcomes = settled
        .slice(at, at + MOST)
        .map(({ id, state }) => [id, state] as [TaskId, SettledState]);
      const beginnings = begun.slice(at, at + MOST);
      this.#publish(NEWS_SUBJECT, {
        ...(outcomes.length > 0 && { settled: outcomes }),
        ...(beginnings.length > 0 && { begun: beginnings }),
      });
    }
  }

  #publish(subject: string, content: Omit<Notice & Letter, 'from'>): void {
    this.#nats.publish(subject, JSON.stringify({ from: this.#holder, ...content }));
  }
}
