import { Readable } from 'node:stream';
import type { Attempted, AttemptNews, PoolFace } from '../server/face.js';

/** So many wait for somebody who reads slowly; the oldest go first. */
const MOST_WAITING = 5_000;

/** How often those who hear nothing are told what time it is, in ms. */
const HEARTBEAT_MS = 5_000;

/** What the slots run as a stream of server-sent events, written as fast as it is read. Ends with `ending`. */
export function attemptStream(
  { watchAttempts }: Pick<PoolFace, 'watchAttempts'>,
  ending: AbortSignal,
): Readable {
  let waiting: Attempted[] = [];
  let skipped = 0;
  let at: number | undefined;
  let isWanted = false;
  const push = () => {
    if (!isWanted || at === undefined) return;
    isWanted = false;
    const text = eventOf({ at, attempts: waiting, skipped });
    waiting = [];
    skipped = 0;
    at = undefined;
    stream.push(text);
  };
  const hear = (news: AttemptNews) => {
    ({ at } = news);
    waiting.push(...news.attempts);
    skipped += news.skipped;
    if (waiting.length > MOST_WAITING) skipped += waiting.splice(0, waiting.length - MOST_WAITING).length;
    push();
  };
  const end = () => stream.push(null);
  let stop = (): void => undefined;
  const timer = setInterval(() => {
    hear({ at: performance.timeOrigin + performance.now(), attempts: [], skipped: 0 });
  }, HEARTBEAT_MS);
  timer.unref();
  const stream = new Readable({
    read() {
      isWanted = true;
      push();
    },
    destroy: (error, done) => {
      clearInterval(timer);
      stop();
      ending.removeEventListener('abort', end);
      done(error);
    },
  });
  ending.addEventListener('abort', end);
  stop = watchAttempts(hear);
  return stream;
}

function eventOf({ at, attempts, skipped }: AttemptNews): string {
  const data = { at_ms: at, attempts: attempts.map(attemptDocument), skipped };
  return `event: attempts\ndata: ${JSON.stringify(data)}\n\n`;
}

function attemptDocument({ worker, slot, taskId, name, startedAt, state, runMs }: Attempted): object {
  return {
    worker,
    slot,
    task_id: taskId,
    name,
    started_ms: rounded(startedAt),
    state,
    ...(state !== 'running' && { run_ms: rounded(runMs) }),
  };
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
