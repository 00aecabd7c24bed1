import type { PoolStatus } from '../../wire/status-document.js';

/** What the console knows of its own tasks, beside what the pool tells. */
export interface KnownTask {
  /** By which people name it. */
  number: number;
  name: string;
  /** How long it takes, where that is known. */
  ms: number | undefined;
}

/** The pool at one moment. */
export interface Scene {
  status: PoolStatus;
  /** How long ago the pool told it, in ms. */
  ageMs: number;
  /** Tasks that have not begun, in the order in which they will. */
  waiting: readonly { id: string; name: string }[];
  known: ReadonlyMap<string, KnownTask>;
}

/** A line for each worker with its task, counting down, and one for the queue. */
export function pictureOf({ status, ageMs, waiting, known }: Scene): string[] {
  const lines = status.workers.map(({ worker, phase, tasks, busy }) => {
    const running = tasks.map(({ task_id: id, name, running_ms: ran, remaining_ms: told }) => {
      const task = known.get(id);
      const left = task?.ms === undefined ? told : task.ms - ran;
      const time = left === null ? `${seconds(ran + ageMs)} so far` : `${seconds(left - ageMs)} left`;
      return `${titleOf(id, name, known)}, ${time}`;
    });
    const state = running.length > 0 ? running.join('; ') : busy ? 'about to begin' : 'free';
    return `${worker.padEnd(10)} ${state}${phase === 'running' ? '' : ` (${phase})`}`;
  });
  const queue = waiting.map(({ id, name }) => titleOf(id, name, known)).join(', ');
  return [...lines, `queue      ${queue === '' ? 'empty' : `${waiting.length}: ${queue}`}`];
}

function titleOf(id: string, name: string, known: ReadonlyMap<string, KnownTask>): string {
  const task = known.get(id);
  return task ? `#${task.number} ${task.name}` : name;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
}
