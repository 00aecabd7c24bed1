import { type ResourceLimits, Worker as Thread } from 'node:worker_threads';
import { withResolvers } from '../core/with-resolvers.js';
import type { Stray } from './strays.js';
import { type ThreadEnd, threadEnd } from './thread-end.js';
import {
  isThreadMessage,
  type ThreadMessage,
  type ThreadOrder,
  type ThreadSettings,
} from './thread-messages.js';

/** A thread that has not ended this long after it was told to is stuck in native code, in ms. */
const TERMINATE_LIMIT_MS = 1_000;

const ENTRY = new URL('../worker/slot-thread.js', import.meta.url);

/** What a thread has to say beyond its own coming and going. */
export type HeardMessage = Exclude<ThreadMessage, { type: 'ready' | 'stray' | 'parted' }>;

export interface ThreadEvents {
  /** It listens on this port, where it listens on one. */
  ready(port: number): void;
  message(message: HeardMessage): void;
  /** It has ended by itself, which user code did. */
  exited(end: ThreadEnd): void;
  /** It cannot be ended: the process has to go. */
  stuck(): void;
}

/** A thread of a slot, seen from the main thread. Nothing is heard of it once it was told to end. */
export class HostedThread {
  readonly #thread: Thread;
  /** Resolves when it takes orders. Rejects where it cannot start. */
  readonly whenReady: Promise<void>;
  readonly #events: ThreadEvents;
  readonly #parted = withResolvers<void>();
  #isReady = false;
  #isEnding = false;

  constructor(settings: ThreadSettings, events: ThreadEvents) {
    this.#events = events;
    const thread = new Thread(ENTRY, { workerData: settings, resourceLimits: limitsOf(settings) });
    this.#thread = thread;
    const started = withResolvers<void>();
    this.whenReady = started.promise;
    thread.on('message', (message: ThreadMessage | null) => {
      // User code can post to this port too; what is none of ours is passed over.
      if (this.#isEnding || !isThreadMessage(message)) return;
      if (message.type === 'stray') return void (stray = message.stray);
      if (message.type === 'parted') return this.#parted.resolve();
      if (message.type !== 'ready') return events.message(message);
      this.#isReady = true;
      events.ready(message.port);
      started.resolve();
    });
    const limitMb = thread.resourceLimits?.maxOldGenerationSizeMb;
    let stray: Stray | undefined;
    let uncaught: [unknown] | undefined;
    thread.on('error', (error) => (uncaught = [error]));
    thread.on('exit', (code) => {
      if (this.#isEnding) return;
      if (this.#isReady) events.exited(threadEnd(code, stray, uncaught, limitMb));
      else
        started.reject(
          uncaught?.[0] ??
            new Error(stray?.words ?? `the thread of a slot ended while starting (code ${code})`),
        );
    });
  }

  post(order: ThreadOrder, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(order, transfer);
  }

  /** Asks its clients to hang up; resolves when all have, or after a while. */
  async hangUp(withinMs: number): Promise<void> {
    this.post({ type: 'hang-up' });
    await Promise.race([this.#parted.promise, this.whenExited(withinMs)]);
  }

  /** Ends it; resolves when none of its code runs any more. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const timer = setTimeout(() => this.#events.stuck(), TERMINATE_LIMIT_MS);
    await this.#thread.terminate();
    clearTimeout(timer);
  }

  /** Resolves when it has ended by itself, or after a while when it has not. */
  async whenExited(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#thread.off('exit', end);
        resolve();
      };
      const timer = setTimeout(end, withinMs);
      this.#thread.once('exit', end);
    });
  }
}

/** V8 counts in whole MiB. */
function limitsOf({ maxHeapBytes }: ThreadSettings): ResourceLimits {
  return maxHeapBytes === undefined ? {} : { maxOldGenerationSizeMb: Math.floor(maxHeapBytes / 2 ** 20) };
}
