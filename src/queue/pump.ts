import type { QueueCommand } from '../core/queue/events.js';
import type { Queue } from '../core/queue/queue.js';
import type { Executors } from './executors.js';

/** So many tasks are claimed in one turn, so that whoever else wants something of this process is heard in between. */
const CLAIMS = 100;

/** Has tasks claimed that could run, for as long as there is room for them. */
export class Pump {
  readonly #queue: Queue;
  readonly #perform: (commands: readonly QueueCommand[]) => void;
  #executors: Executors | undefined;
  #isDue = false;
  #isStopped = false;

  constructor(queue: Queue, perform: (commands: readonly QueueCommand[]) => void) {
    this.#queue = queue;
    this.#perform = perform;
  }

  start(executors: Executors): void {
    this.#executors = executors;
    this.soon();
  }

  /** Something has changed. */
  soon(): void {
    if (this.#isDue || this.#isStopped) return;
    this.#isDue = true;
    queueMicrotask(() => this.#run());
  }

  stop(): void {
    this.#isStopped = true;
  }

  #run(): void {
    this.#isDue = false;
    if (!this.#executors || this.#isStopped) return;
    for (const needs of this.#queue.readyNeeds) {
      const executor = this.#executors.of(needs);
      let left = CLAIMS;
      const hasRoom = (functionId: string, ahead: number) =>
        ahead < executor.appetiteFor(functionId) && left-- > 0;
      this.#perform(this.#queue.handle({ type: 'room', needs, hasRoom }, Date.now()));
      if (left < 0) this.#isDue = true;
    }
    if (this.#isDue) setImmediate(() => this.#run());
  }
}
