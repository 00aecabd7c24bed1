import type { OutcomeBatch } from '../../wire/generated/offhand/v1/OutcomeBatch.js';
import type { TaskOutcomes } from '../../wire/generated/offhand/v1/TaskOutcomes.js';
import { bytesOf, type Failure, failureToMessage } from '../../wire/outcome.js';
import { isSmallPrimitive } from '../../wire/values/clone.js';
import { encodePayload, type Encoding, type Payload } from '../../wire/values/payload.js';
import { type Delays, delaysMessage } from './delays.js';
import type { Ledger } from '../ledger.js';
import type { Outbox } from './job.js';

/** Outcomes are sent before they take up more than about this much, in bytes. */
const FULL_BYTES = 256 * 1024;

/** No message takes more than one outcome on board once it would be larger than this, in bytes. */
const MESSAGE_BYTES = 16 * 1024 * 1024;

/** Outcomes that can be sent, and how much of a message they take, in bytes. */
interface Ready {
  outcomes: TaskOutcomes;
  bytes: number;
}

/** Primitive results in a row, which share one encoding. */
interface Run {
  number: number;
  values: unknown[];
  runMs: number;
}

/**
 * Outcomes on their way to one client. While a message is under way the next ones gather, and go together. Results that
 * wait stand in the ledger meanwhile; what finds no room there has to go before anything else runs.
 */
export class OutcomeWriter implements Outbox {
  readonly #ledger: Ledger;
  readonly #write: (batch: OutcomeBatch, onWritten: () => void) => void;
  #run: Run | undefined;
  #ready: Ready[] = [];
  #bytes = 0;
  isWriting = false;
  #isFlushDue = false;
  /** Whether some of what is ready, and of what is under way, stands nowhere else. */
  #isUnnoted = false;
  #isUnnotedWriting = false;
  #isClosed = false;
  /** Those who wait until everything is on its way. */
  readonly #waiting: (() => void)[] = [];

  constructor(ledger: Ledger, write: (batch: OutcomeBatch, onWritten: () => void) => void) {
    this.#ledger = ledger;
    this.#write = write;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  set isClosed(isClosed: boolean) {
    this.#isClosed = isClosed;
    if (isClosed) this.#release();
  }

  get mustFlush(): boolean {
    return this.#isUnnoted || this.#isUnnotedWriting;
  }

  succeeded(
    epoch: number,
    number: number,
    value: unknown,
    encoding: Encoding,
    runMs: number,
    apart = false,
    delays?: Delays,
  ): void {
    if (!isSmallPrimitive(value) || encoding === 'JSON' || apart) {
      return this.encoded(epoch, number, encodePayload(value, encoding, 'the result'), runMs, delays);
    }
    if (!this.#ledger.note(epoch, number, value, runMs)) this.#isUnnoted = true;
    const run = this.#run;
    if (run && run.number + run.values.length === number) {
      run.values.push(value);
      run.runMs += runMs;
    } else {
      this.#closeRun();
      this.#run = { number, values: [value], runMs };
    }
    this.#weigh(typeof value === 'string' ? value.length : 8);
  }

  encoded(epoch: number, number: number, result: Payload, runMs: number, delays?: Delays): void {
    const { encoding, data } = result;
    this.#closeRun();
    if (!this.#ledger.noteEncoded(epoch, number, encoding, data, runMs)) this.#isUnnoted = true;
    this.#add({ number, count: 1, results: bytesOf(result), runMs, ...delaysMessage(delays) }, data.length);
  }

  failed(number: number, count: number, failure: Failure, runMs: number, delays?: Delays): void {
    this.#closeRun();
    this.#isUnnoted = true;
    const bytes = 1_000 + (failure.error?.data.length ?? 0);
    this.#add({ number, count, failure: failureToMessage(failure), runMs, ...delaysMessage(delays) }, bytes);
  }

  /** A value of a task that goes on. It stands nowhere else, and goes at once. */
  yielded(number: number, value: Payload): void {
    this.#closeRun();
    this.#isUnnoted = true;
    this.#add({ number, count: 1, results: bytesOf(value), yielded: true }, value.data.length);
    this.flush();
  }

  /** A task has made its last value. Not in the ledger, by which this could arrive before the values. */
  ended(number: number, runMs: number): void {
    this.#closeRun();
    this.#isUnnoted = true;
    this.#add({ number, count: 1, results: bytesOf(encodePayload(undefined, 'V8', 'the result')), runMs }, 0);
  }

  /** Resolves when nothing is on its way any more, or nobody is there to receive it. */
  async whenWritten(): Promise<void> {
    if (this.isWriting && !this.#isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  notBegun(number: number, count: number): void {
    this.#closeRun();
    this.#add({ number, count, notBegun: true }, 0);
  }

  flush(): void {
    if (this.isWriting) {
      this.#isFlushDue = true;
      return;
    }
    this.#closeRun();
    if (this.#ready.length === 0 || this.isClosed) return;
    const batches = inMessages(this.#ready);
    this.#ready = [];
    this.#bytes = 0;
    this.isWriting = true;
    this.#isFlushDue = false;
    this.#isUnnotedWriting = this.#isUnnoted;
    this.#isUnnoted = false;
    const turn = this.#ledger.turn();
    const onWritten = () => {
      this.isWriting = false;
      this.#isUnnotedWriting = false;
      this.#ledger.arrived(turn);
      if (this.#isFlushDue) this.flush();
      if (!this.isWriting) this.#release();
    };
    const last = batches.length - 1;
    batches.forEach((batch, index) => this.#write(batch, index === last ? onWritten : () => undefined));
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #closeRun(): void {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    const { number, values, runMs } = run;
    const isList = values.length > 1;
    const results = bytesOf(encodePayload(isList ? values : values[0], 'V8', 'the result'));
    const outcomes = { number, count: values.length, isList, results, runMs };
    this.#ready.push({ outcomes, bytes: results.data.length });
  }

  #add(outcomes: TaskOutcomes, bytes: number): void {
    this.#ready.push({ outcomes, bytes });
    this.#weigh(bytes);
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > FULL_BYTES) this.flush();
  }
}

/** Large outcomes go by themselves: several of them may be more than a message can be. */
function inMessages(ready: readonly Ready[]): OutcomeBatch[] {
  const batches: OutcomeBatch[] = [];
  let batch: TaskOutcomes[] = [];
  let total = 0;
  for (const { outcomes, bytes } of ready) {
    if (batch.length === 0 || total + bytes > MESSAGE_BYTES) {
      batch = [];
      total = 0;
      batches.push({ outcomes: batch });
    }
    batch.push(outcomes);
    total += bytes;
  }
  return batches;
}
