import type { TaskId } from '../core/ids.js';
import type { Verdict } from '../core/queue/task.js';
import { unrunCourse } from './course.js';
import type { Settlement, TaskStore } from './store.js';
import { outcomeFor, upstreamOutcomes } from './verdicts.js';

/** For tasks that no worker has. @param lineMs for how long one has stood in line. */
export async function settlementsOf(
  store: TaskStore,
  settles: readonly { id: TaskId; how: Verdict }[],
  lineMs: (id: TaskId) => number,
): Promise<Settlement[]> {
  const records = await store.find(settles.map(({ id }) => id));
  const upstream = await upstreamOutcomes(store, settles);
  const at = Date.now();
  return settles.map(({ id, how }, index) => ({
    id,
    attempt: records[index]?.attempt ?? 0,
    outcome: outcomeFor(how, id, how.kind === 'upstream' ? upstream.get(how.id) : undefined),
    at,
    course: unrunCourse(lineMs(id)),
  }));
}
