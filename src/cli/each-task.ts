import type { Pool } from '../client/pool.js';
import type { TaskHandle } from '../client/submitted/task-handle.js';
import { messageOf } from '../core/errors.js';

/** Does something with each of these tasks. What one of them refuses is told, and holds up no other; the exit code is 1 then. */
export async function eachTask(
  pool: Pool,
  ids: readonly string[],
  act: (task: TaskHandle) => Promise<void>,
): Promise<void> {
  for (const task of ids.map((id) => pool.task(id))) {
    try {
      await act(task);
      console.log(`${task.id} ${await task.state()}`);
    } catch (error) {
      console.error(`offhand: ${messageOf(error)}`);
      process.exitCode = 1;
    }
  }
}
