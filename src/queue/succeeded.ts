import type { TaskId } from '../core/ids.js';
import type { SucceededTasks } from '../wire/generated/offhand/v1/SucceededTasks.js';
import type { Encoding } from '../wire/values/payload.js';
import type { TaskOutcome } from './store.js';

export interface Succeeded {
  id: TaskId;
  outcome: Extract<TaskOutcome, { state: 'succeeded' }>;
}

/** A message for each encoding that there is. */
export function succeededMessages(tasks: readonly Succeeded[]): SucceededTasks[] {
  return (['V8', 'JSON'] as const).flatMap((encoding) => {
    const alike = tasks.filter(({ outcome }) => outcome.result.encoding === encoding);
    return alike.length > 0 ? [messageOf(encoding, alike)] : [];
  });
}

function messageOf(encoding: Encoding, tasks: readonly Succeeded[]): SucceededTasks {
  return {
    taskIds: tasks.map(({ id }) => id),
    results: { encoding, data: Buffer.concat(tasks.map(({ outcome }) => outcome.result.data)) },
    lengths: tasks.map(({ outcome }) => outcome.result.data.length),
    runMs: tasks.map(({ outcome }) => outcome.runMs),
  };
}
