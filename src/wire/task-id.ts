import { randomUUID } from 'node:crypto';
import { type TaskId, taskId } from '../core/ids.js';

/**
 * Ids of one process follow one another, so that stores find them side by side. The digits of a UUID are drawn from randomness
 * that Node fetches for many at a time.
 */
export function newTaskId(now: number): TaskId {
  const uuid = randomUUID();
  return taskId(`${now.toString(36)}${uuid.slice(0, 8)}${uuid.slice(24)}`);
}
