import { NO_LINE, wasTold } from '../../core/queue/line-mark.js';
import type { TaskState } from '../../core/queue/task.js';
import type { LogLine__Output } from '../../wire/generated/offhand/v1/LogLine.js';
import type { WatchedTask__Output } from '../../wire/generated/offhand/v1/WatchedTask.js';
import type { Follower, Listener } from './follower.js';

/** What a submitted task has printed. */
export interface TaskLogLine {
  /** Without the end of the line; several lines where they were printed at once. */
  text: string;
  stream: 'stdout' | 'stderr';
  /** By the clock of its coordinator. */
  at: Date;
  /** The attempt that has printed it. */
  attempt: number;
  /** Which line of that attempt it is, from 1. Those that are missing before it were not kept. */
  number: number;
}

/** Something that happened to a submitted task. The last event of a task is the state that it ends in. */
export type TaskEvent =
  | { type: 'state'; state: TaskState }
  | { type: 'progress'; fraction: number; note: string | undefined }
  | ({ type: 'log' } & TaskLogLine);

export function logLineFrom({ attempt, number, atMs, printed }: LogLine__Output): TaskLogLine {
  const { text = '', isError = false } = printed ?? {};
  return { text, stream: isError ? 'stderr' : 'stdout', at: new Date(atMs), attempt, number };
}

/** What happens to a task, up to its outcome. */
export async function* taskEvents(id: string, follower: Follower): AsyncGenerator<TaskEvent, void, void> {
  const events: TaskEvent[] = [];
  let newest = NO_LINE;
  let isOver = false;
  let failure: unknown;
  let wake: (() => void) | undefined;
  const over = () => {
    isOver = true;
    wake?.();
  };
  const listener: Listener = {
    wantsNews: true,
    onNews: (task: WatchedTask__Output) => {
      const event = eventOf(task);
      if (event?.type === 'log') {
        // A stream that was broken, or somebody else who listens, has all of it told again.
        const line = { ...event, at: event.at.getTime() };
        if (wasTold(line, newest)) return;
        newest = line;
      }
      if (event) events.push(event);
      wake?.();
    },
    onOutcome: ({ state }) => {
      events.push({ type: 'state', state: state as TaskState });
      over();
    },
    onFailed: (reason) => {
      failure = reason;
      over();
    },
  };
  follower.follow(id, listener);
  try {
    for (;;) {
      const event = events.shift();
      if (event) yield event;
      else if (failure) throw failure;
      else if (isOver) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    follower.leave(id, listener);
  }
}

function eventOf({ state, progress, line }: WatchedTask__Output): TaskEvent | undefined {
  if (state) return { type: 'state', state: state as TaskState };
  if (progress) return { type: 'progress', fraction: progress.fraction, note: progress.note };
  return line ? { type: 'log', ...logLineFrom(line) } : undefined;
}
