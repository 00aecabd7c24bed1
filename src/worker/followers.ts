import type { TaskNews as NewsMessage } from '../wire/generated/offhand/v1/TaskNews.js';
import type { TaskNews } from './thread-messages.js';

/** News of so many tasks' lines is kept for a client that has not asked yet, and of so many clients. */
const MAX_KEPT = 1_000;
const MAX_CLIENTS = 16;

/** So much may wait on the way to a client that reads slowly, in bytes; what comes then is not sent. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Where the news of a client's tasks goes. */
export interface Follower {
  send(news: NewsMessage): void;
  /** What has been sent and not yet left. */
  readonly waitingBytes: number;
}

/** Which client follows its tasks from here, and what those tell that nobody has heard yet. */
export class Followers {
  readonly #followers = new Map<string, Follower>();
  readonly #kept = new Map<string, NewsMessage[]>();

  /** The newest one hears everything. */
  follow(client: string, follower: Follower): void {
    this.#followers.set(client, follower);
    for (const news of this.#kept.get(client) ?? []) follower.send(news);
    this.#kept.delete(client);
  }

  part(client: string, follower: Follower): void {
    if (this.#followers.get(client) === follower) this.#followers.delete(client);
  }

  tell({ client, serial, what }: TaskNews): void {
    const message = messageOf(serial, what);
    if (!message || client === '') return;
    const follower = this.#followers.get(client);
    if (!follower) this.#keep(client, message);
    else if (follower.waitingBytes < MAX_WAITING_BYTES) follower.send(message);
  }

  #keep(client: string, message: NewsMessage): void {
    const kept = this.#kept.get(client) ?? [];
    this.#kept.delete(client);
    this.#kept.set(client, kept);
    kept.push(message);
    if (kept.length > MAX_KEPT) kept.shift();
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_CLIENTS && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function messageOf(serial: number, what: TaskNews['what']): NewsMessage | undefined {
  switch (what.kind) {
    case 'progress': {
      const { fraction, note } = what;
      return { serial, progress: note === undefined ? { fraction } : { fraction, note } };
    }
    case 'printed':
      return what.isSent ? { serial, printed: { text: what.text, isError: what.isError } } : undefined;
    case 'late':
      return undefined;
  }
}
