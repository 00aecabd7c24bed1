import { GeneratorRun } from '../../wire/functions/generator-run.js';
import { encodePayload, type Encoding } from '../../wire/values/payload.js';
import type { OutcomeWriter } from './outcome-writer.js';

/** The thread is held while a stream waits for its reader, and only then. */
interface StreamHold {
  release(): unknown;
  take(): unknown;
}

/**
 * What a task sends whose function gives a generator: value by value, then its outcome. Each value is on its way before the
 * next is made, since that may keep the thread for long.
 */
export class TaskStream {
  readonly #number: number;
  readonly #writer: OutcomeWriter;
  readonly #run: GeneratorRun;

  /** @param allowed how many values may be made without being told more. */
  constructor(number: number, allowed: number, writer: OutcomeWriter) {
    this.#number = number;
    this.#writer = writer;
    this.#run = new GeneratorRun(allowed);
  }

  allow(allowed: number): void {
    this.#run.allow(allowed);
  }

  /** Its generator is to return. */
  leave(): void {
    this.#run.leave();
  }

  /** A function that resolves when the generator which `fn` gives has ended. */
  through(
    fn: (...args: unknown[]) => unknown,
    { name, encoding, hold }: { name: string; encoding: Encoding; hold: StreamHold },
  ): (...args: unknown[]) => Promise<void> {
    const host = {
      send: (value: unknown) => {
        this.#writer.yielded(this.#number, encodePayload(value, encoding, 'a value of the stream'));
        return this.#writer.whenWritten();
      },
      waitsForCode: (isCode: boolean) => (isCode ? hold.release() : hold.take()),
    };
    return (...args) => this.#run.run(fn(...args), name, host);
  }

  ended(runMs: number): void {
    this.#writer.ended(this.#number, runMs);
  }
}
