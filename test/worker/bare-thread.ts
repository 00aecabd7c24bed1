import type { OutcomeBatch } from '../../src/wire/generated/offhand/v1/OutcomeBatch.js';
import type { TaskOutcomes } from '../../src/wire/generated/offhand/v1/TaskOutcomes.js';
import { decodePayload, encodePayload, payloadFrom } from '../../src/wire/values/payload.js';
import { Board } from '../../src/worker/board.js';
import { FunctionCache } from '../../src/worker/thread/function-cache.js';
import { Ledger } from '../../src/worker/ledger.js';
import { OutcomeWriter } from '../../src/worker/thread/outcome-writer.js';
import type { Job } from '../../src/worker/thread/job.js';
import { type Surroundings, TaskRunner } from '../../src/worker/thread/task-runner.js';
import type { ThreadMessage } from '../../src/worker/thread-messages.js';

/** Nobody asks for news, and nothing ends the thread. */
export const BARE: Surroundings = {
  workerId: 'the-worker',
  maxOutputBytes: 64 * 1024 * 1024,
  hold: { release: () => undefined, take: () => undefined },
  tellNews: () => undefined,
  runIsolated: () => Promise.reject(new Error('not here')),
};

/** The thread of a slot as it runs lists of tasks under lease 1, on a wire that the test may hold up. */
export class BareThread {
  readonly board = new Board();
  readonly told: ThreadMessage[] = [];
  /** Calls back when a message is written. */
  write: (onWritten: () => void) => void = (onWritten) => onWritten();
  readonly outbox = new OutcomeWriter(new Ledger(), (batch, onWritten) => this.#onBatch(batch, onWritten));
  readonly #runner = new TaskRunner(
    this.board,
    new FunctionCache(process.cwd()),
    (message) => {
      this.told.push(message);
      if (message.type === 'begun') this.#onBegun.get(message.number)?.();
    },
    BARE,
  );
  readonly #onBegun = new Map<number, () => void>();
  readonly #outcomes: TaskOutcomes[] = [];
  #onOutcomes = () => {};

  constructor() {
    this.board.admit(1);
  }

  /** One task per list of arguments, numbered from 1 on. */
  add(source: string | undefined, lists: unknown, job: Partial<Job> = {}): void {
    this.#runner.add({
      epoch: 1,
      number: 1,
      count: Array.isArray(lists) ? lists.length : 1,
      functionId: source ?? 'unknown',
      source: source === undefined ? undefined : { text: source, parts: [] },
      name: 'test',
      args: encodePayload(lists, 'V8', 'arguments'),
      isList: true,
      timeoutMs: undefined,
      cancelGraceMs: 500,
      outbox: this.outbox,
      ...job,
    });
  }

  /** Does something in the moment in which a task begins that has a time limit. */
  whenBegun(number: number, act: () => void): void {
    this.#onBegun.set(number, act);
  }

  /** What became of so many tasks, in the order in which it was told: numbers, and what of them. */
  async outcomes(count: number): Promise<[first: number, ...rest: unknown[]][]> {
    const heard = () => this.#outcomes.reduce((sum, outcome) => sum + (outcome.count ?? 0), 0);
    await new Promise<void>((resolve) => {
      this.#onOutcomes = () => heard() >= count && resolve();
      this.#onOutcomes();
    });
    return this.#outcomes.flatMap(inShort);
  }

  get idles(): number {
    return this.told.filter(({ type }) => type === 'idle').length;
  }

  #onBatch(batch: OutcomeBatch, onWritten: () => void): void {
    this.#outcomes.push(...(batch.outcomes ?? []));
    this.write(onWritten);
    this.#onOutcomes();
  }
}

function inShort({
  number,
  count,
  results,
  isList,
  failure,
  notBegun,
}: TaskOutcomes): [number, ...unknown[]][] {
  const first = Number(number);
  if (notBegun) return [[first, count, 'not begun']];
  if (failure) return [[first, count, failure.code, failure.message]];
  const value = decodePayload(payloadFrom(results, 'results'));
  return (isList ? (value as unknown[]) : [value]).map((each, index) => [first + index, each]);
}
