import { Readable } from 'node:stream';
import { secondsOf } from './documents.js';
import type { PoolFace } from '../server/face.js';

/** So many events are kept for those who come back; the oldest go first. */
const KEPT = 10_000;

/** Whoever wants fewer events is written to this often, in ms. */
const SAMPLED_MS = 250;

/** How often those who hear nothing are told that somebody is there, in ms. */
const HEARTBEAT_MS = 15_000;

interface FeedEvent {
  readonly type: string;
  readonly data: object;
}

/** What happens in the pool, for whoever listens. Each event has a number; who was away goes on after the last one he had. */
export class EventFeed {
  /** The newest ones, in their order. */
  #events: FeedEvent[] = [];
  #total = 0;
  readonly #epoch: string;
  readonly #listeners = new Set<() => void>();
  readonly #kept: number;

  /** @param epoch what tells this life of the server from others. */
  constructor(epoch = Date.now().toString(36), kept = KEPT) {
    this.#epoch = epoch;
    this.#kept = kept;
  }

  /** Tells what happens in a pool. @returns stops. */
  follow({ queue, onWorkers }: Pick<PoolFace, 'queue' | 'onWorkers'>): () => void {
    onWorkers({
      attached: (worker) => this.add('worker-attached', { worker }),
      gone: (worker) => this.add('worker-gone', { worker }),
    });
    return queue.observe({
      submitted: (tasks) => {
        for (const { id, name } of tasks) this.add('task-submitted', { task_id: id, name });
      },
      began: ({ spec: { id, name }, attempt }) => this.add('task-running', { task_id: id, name, attempt }),
      released: (id) => this.add('task-pending', { task_id: id }),
      settled: (settlements) => {
        for (const { id, outcome } of settlements) {
          const failure = outcome.state === 'succeeded' ? {} : { code: outcome.failure.code };
          this.add('task-settled', {
            task_id: id,
            state: outcome.state,
            ...failure,
            seconds: secondsOf(outcome.runMs),
          });
        }
      },
    });
  }

  add(type: string, data: object): void {
    this.#events.push({ type, data });
    this.#total += 1;
    if (this.#events.length >= 2 * this.#kept) this.#events = this.#events.slice(-this.#kept);
    for (const listener of this.#listeners) listener();
  }

  /**
   * The feed as a stream of server-sent events, written as fast as it is read.
   *
   * @param lastId of the last event that was had; without one it begins with what happens next.
   * @param perSecond at most so many, the newest; `skipped` then says how many were left out. All when left out.
   */
  stream(lastId: string | undefined, ending: AbortSignal, perSecond?: number): Readable {
    const most = perSecond === undefined ? Infinity : Math.ceil((perSecond * SAMPLED_MS) / 1_000);
    let pause: NodeJS.Timeout | undefined;
    let next = this.#after(lastId);
    let isWanted = false;
    const push = () => {
      if (!isWanted || pause) return;
      const text = this.#textFrom(next, most);
      next = this.#total;
      if (text === '') return;
      isWanted = false;
      if (perSecond !== undefined) {
        pause = setTimeout(() => {
          pause = undefined;
          push();
        }, SAMPLED_MS);
        pause.unref();
      }
      stream.push(text);
    };
    const timer = setInterval(() => {
      if (isWanted) stream.push(':\n\n');
    }, HEARTBEAT_MS);
    timer.unref();
    const end = () => stream.push(null);
    const stream = new Readable({
      read() {
        isWanted = true;
        push();
      },
      destroy: (error, done) => {
        clearInterval(timer);
        clearTimeout(pause);
        this.#listeners.delete(push);
        ending.removeEventListener('abort', end);
        done(error);
      },
    });
    this.#listeners.add(push);
    ending.addEventListener('abort', end);
    // Headers leave with the first bytes: whoever listens knows by them that he was heard.
    stream.push(`retry: 1000\n${next < 0 ? '' : `id: ${this.#epoch}-${next}\n`}\n`);
    return stream;
  }

  /** The number of the first event that somebody has not had; -1 where nobody knows. */
  #after(lastId: string | undefined): number {
    if (lastId === undefined) return this.#total;
    const [epoch, number] = [
      lastId.slice(0, lastId.lastIndexOf('-')),
      lastId.slice(lastId.lastIndexOf('-') + 1),
    ];
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(number) || Number(number) > this.#total) return -1;
    return Number(number);
  }

  #textFrom(next: number, most: number): string {
    const oldest = this.#total - this.#events.length;
    const isGap = next < oldest || next < 0;
    const first = isGap ? this.#total : Math.max(next, this.#total - most);
    const lines = isGap
      ? [
          `event: gap\nid: ${this.#epoch}-${this.#total}\ndata: ${JSON.stringify({
            detail: 'what happened in between is not kept; GET /v1/tasks tells how things stand',
          })}\n\n`,
        ]
      : [];
    if (!isGap && first > next)
      lines.push(
        `event: skipped\nid: ${this.#epoch}-${first}\ndata: ${JSON.stringify({ count: first - next })}\n\n`,
      );
    for (let number = first; number < this.#total; number++) {
      const event = this.#events[number - oldest];
      if (event)
        lines.push(
          `event: ${event.type}\nid: ${this.#epoch}-${number + 1}\ndata: ${JSON.stringify(event.data)}\n\n`,
        );
    }
    return lines.join('');
  }
}
