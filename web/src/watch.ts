import type { AttemptsEvent } from './documents.js';
import { listen } from './events.js';
import { EventText } from './event-text.js';
import { Lanes } from './lanes.js';
import type { Range } from './timeline.js';

/** How much is seen at first, in ms. */
export const FIRST_SPAN_MS = 30_000;

/**
 * The task stream as long as the page is open: whoever opens a task and comes back finds it as it was. Nothing is asked before it is
 * looked at for the first time, nor while the tab is in the background.
 */
export class Watch {
  readonly lanes = new Lanes();
  /** What is looked at; undefined while it goes with the time. */
  range: Range | undefined;
  /** How much is seen while it goes with the time, in ms. */
  spanMs = FIRST_SPAN_MS;
  /** Whether something is to be drawn that was not. */
  isOld = true;
  #isBegun = false;
  #listening: AbortController | undefined;

  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    document.addEventListener('visibilitychange', () => this.#listen());
    this.#listen();
  }

  /** The server's clock. */
  get now(): number {
    return this.lanes.at(performance.timeOrigin + performance.now()) ?? Date.now();
  }

  /** What is seen now. */
  get seen(): Range {
    const { now } = this;
    return this.range ?? { from: now - this.spanMs, to: now };
  }

  #listen(): void {
    this.#listening?.abort();
    this.lanes.forgetRunning();
    this.isOld = true;
    if (document.hidden) return;
    this.#listening = new AbortController();
    let text = new EventText();
    const hear = (part: string) => {
      for (const { type, data } of text.add(part)) {
        if (type !== 'attempts') continue;
        this.lanes.add(data as AttemptsEvent, performance.timeOrigin + performance.now());
        this.isOld = true;
      }
    };
    const tell = () => {
      text = new EventText();
      this.lanes.forgetRunning();
    };
    void listen('/v1/attempts', tell, hear, this.#listening.signal);
  }
}
