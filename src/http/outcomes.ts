import { Readable } from 'node:stream';
import { messageOf, PoolError } from '../core/errors.js';
import type { TaskId } from '../core/ids.js';
import { noSuchTask, outcomeDropped, type TaskQueue } from '../queue/index.js';
import type { TaskOutcome, TaskRecord } from '../queue/store.js';
import { failureDocument, secondsOf } from './documents.js';

/** Of a list, as many outcomes are looked up at a time. */
const PAGE = 50;

/** A larger answer goes in pieces of this size, as fast as they are read, in bytes. */
const PIECE_BYTES = 64 * 1024;

/** A settled task and what it came to. */
export interface Settled {
  record: TaskRecord;
  outcome: TaskOutcome;
}

/**
 * What a task came to; undefined where it has come to nothing within that time.
 *
 * @param signals aborted when nobody waits for it any longer.
 * @throws PoolError `not-found`, `result-dropped`
 */
export async function outcomeOf(
  queue: TaskQueue,
  id: TaskId,
  waitMs: number,
  signals: readonly AbortSignal[],
): Promise<TaskOutcome | undefined> {
  const [known] = await queue.outcomes([id]);
  if (known === 'dropped') throw outcomeDropped(id);
  if (known) return known;
  if (!(await queue.find([id]))[0]) throw noSuchTask(id);
  if (waitMs <= 0 || signals.some(({ aborted }) => aborted)) return undefined;
  return new Promise((resolve, reject) => {
    const watcher = {
      wantsNews: () => false,
      onState: () => undefined,
      onNews: () => undefined,
      onOutcome: (_: TaskId, outcome: TaskOutcome) => end(() => resolve(outcome)),
    };
    const giveUp = () => end(() => resolve(undefined));
    const timer = setTimeout(giveUp, waitMs);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', giveUp);
      queue.unwatch([id], watcher);
      settle();
    };
    for (const signal of signals) signal.addEventListener('abort', giveUp);
    queue
      .watch([id], watcher, (_, reason) => end(() => reject(reason)))
      .catch((error: unknown) => end(() => reject(error)));
  });
}

/**
 * An outcome as JSON.
 *
 * @throws PoolError `not-cloneable` for a result that JSON cannot carry, `unavailable` while no worker can write it as JSON
 */
export async function outcomeAsJson(queue: TaskQueue, { record, outcome }: Settled): Promise<Buffer> {
  const { spec } = record;
  const head = { task_id: spec.id, state: outcome.state };
  const seconds = secondsOf(outcome.runMs);
  if (outcome.state !== 'succeeded')
    return Buffer.from(JSON.stringify({ ...head, failure: failureDocument(outcome.failure), seconds }));
  const { data } = await queue.resultAsJson(record, outcome.result);
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(head).slice(0, -1)},"result":`),
    data,
    Buffer.from(`,"seconds":${seconds}}`),
  ]);
}

/** All that has settled and is kept, in the order in which it did, as `{"results": […]}`. */
export function allOutcomes(queue: TaskQueue, ending: AbortSignal): Readable {
  return Readable.from(textOfAll(queue, ending), { objectMode: false });
}

async function* textOfAll(
  queue: TaskQueue,
  ending: AbortSignal,
): AsyncGenerator<Buffer | string, void, void> {
  yield '{"results":[';
  let separator = '';
  let cursor: string | undefined;
  do {
    const page = await queue.settled({ limit: PAGE, cursor });
    const outcomes = await queue.outcomes(page.tasks.map(({ spec }) => spec.id));
    const texts = page.tasks.map((record, index) => {
      const outcome = outcomes[index];
      // Dropped, or running again, since the page was made.
      return outcome && outcome !== 'dropped'
        ? listed(queue, { record, outcome })
        : Promise.resolve(undefined);
    });
    for (const text of await Promise.all(texts)) {
      if (!text) continue;
      yield separator;
      yield* pieces(text);
      separator = ',';
    }
    cursor = page.cursor;
  } while (cursor !== undefined && !ending.aborted);
  yield ']}';
}

/** In a list a result that cannot be written as JSON says so in its place. */
export async function listed(queue: TaskQueue, settled: Settled): Promise<Buffer> {
  try {
    return await outcomeAsJson(queue, settled);
  } catch (error) {
    const { record, outcome } = settled;
    const code = error instanceof PoolError ? error.code : 'internal';
    const failure = failureDocument({ code, message: messageOf(error), mayHaveRun: true });
    const { state, runMs } = outcome;
    return Buffer.from(
      JSON.stringify({ task_id: record.spec.id, state, failure, seconds: secondsOf(runMs) }),
    );
  }
}

/** A large answer as a stream, a small one as it is. */
export function streamed(text: Buffer): Buffer | Readable {
  return text.length <= PIECE_BYTES ? text : Readable.from(pieces(text), { objectMode: false });
}

function* pieces(text: Buffer): Generator<Buffer, void, void> {
  for (let at = 0; at < text.length; at += PIECE_BYTES) yield text.subarray(at, at + PIECE_BYTES);
}
