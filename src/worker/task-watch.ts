import type { Retire } from './retirement.js';
import type { Worker } from './worker.js';

/** How often the tasks that have run are counted, in ms. */
const LOOK_INTERVAL_MS = 50;

/**
 * Has a worker retire when it has run so many tasks, whatever became of them. Tasks are counted where they run, and looked at
 * from here, so that counting costs them nothing; of short ones it runs some more meanwhile.
 *
 * @returns stops the watch.
 */
export function watchTasks(worker: Worker, most: number, retire: Retire): () => void {
  const timer = setInterval(() => {
    const { completed, failed } = worker.counters;
    if (completed + failed >= most) retire(`it has run ${completed + failed} tasks (--max-tasks-per-worker)`);
  }, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}
