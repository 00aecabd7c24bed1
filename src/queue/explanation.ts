import type { ExplainResponse } from '../wire/generated/offhand/v1/ExplainResponse.js';
import type { TimeSpent } from '../wire/generated/offhand/v1/TimeSpent.js';
import { failureToMessage } from '../wire/outcome.js';
import { asItStands } from './as-it-stands.js';
import { infoOf } from './messages.js';
import type { TaskId } from '../core/ids.js';
import type { Queue } from '../core/queue/queue.js';
import { standingInWords } from '../core/queue/standing.js';
import { isSettled } from '../core/queue/task.js';
import { type ClaimedStanding, type Course, type TaskWords, unrunCourse } from './course.js';
import type { Dispatcher } from './dispatcher.js';
import { noSuchTask } from './refusals.js';
import type { TaskProgress } from './task-log.js';
import type { TaskRecord, TaskStore } from './store.js';

/** Instants are whole ms: what two of them lie apart by less may be nothing at all. */
const CLOCK_MS = 2;

/** Why a task stands where it does, and where its time went. */
export interface Explanation {
  record: TaskRecord;
  /** Why it has not begun, or where it runs, for people; undefined for one that has its outcome. */
  standing: string | undefined;
  /** What one that runs has told last. */
  progress?: TaskProgress | undefined;
  /** Of its last attempt, so far; undefined where nobody here knows. */
  course: Course | undefined;
  /** How its function is written, as far as people are shown it; empty where nobody has said, or it is kept no longer. */
  source: string;
}

/** @param shown of its function's source. @throws PoolError `not-found` */
export async function explain(
  id: TaskId,
  find: TaskStore['find'],
  shown: Promise<string>,
  queue: Queue,
  dispatcher: Dispatcher | undefined,
  elsewhere: (task: TaskWords) => Promise<ClaimedStanding | undefined>,
): Promise<Explanation> {
  const [[record], source] = await Promise.all([find([id]), shown]);
  if (!record) throw noSuchTask(id);
  if (isSettled(record.state)) return { record, source, standing: undefined, course: record.course };
  const now = Date.now();
  const standing = queue.standingOf(id, now);
  const claimed =
    standing?.phase === 'claimed'
      ? dispatcher?.standingOf(record.spec, standing.lineMs)
      : record.state === 'running'
        ? await elsewhere(record.spec)
        : undefined;
  if (claimed) {
    const { words, course, progress, made = null } = claimed;
    return { record: asItStands(record, made), source, standing: words, course, progress };
  }
  const lack = standing?.phase === 'ready' ? dispatcher?.lackFor(record.spec.requires) : undefined;
  return {
    record,
    source,
    standing: lack ?? (standing && standingInWords(standing, now)),
    course: standing && unrunCourse(standing.lineMs),
  };
}

/** In the order in which it passes. */
function timeSpent({ record, course }: Explanation, now: number): TimeSpent[] {
  const spent: [string, number][] = course
    ? [
        ['line', course.lineMs],
        ['claim', course.claimMs],
        ['placement', course.placementMs],
        ['earlier-attempts', course.earlierMs],
        ['wire', course.wireMs],
        ['slot', course.slotMs],
        ['decode', course.decodeMs],
        ['run', course.runMs],
      ]
    : [];
  // The rest lies before it stood in line: its delay, the tasks before it, a full group; earlier claims, and the time
  // without a server.
  const known = spent.reduce((sum, [, ms]) => sum + ms, 0);
  const heldBack = (record.settledAt ?? now) - record.spec.submittedAt - known;
  if (heldBack >= CLOCK_MS) spent.unshift(['held-back', heldBack]);
  return spent.flatMap(([what, ms]) => (ms > 0 ? { what, ms } : []));
}

export function explanationMessage(explanation: Explanation, now: number): ExplainResponse {
  const { record, standing = '', course, source } = explanation;
  return {
    task: infoOf(record, now),
    standing,
    worker: course?.worker ?? '',
    reason: course?.reason ?? '',
    spent: timeSpent(explanation, now),
    source,
    earlier: (course?.earlier ?? []).map(({ attempt, worker, at, failure }) => ({
      attempt,
      worker,
      atMs: at,
      failure: failureToMessage(failure),
    })),
  };
}
