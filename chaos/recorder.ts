// Loaded by the tasks, in the thread of a slot: writes down what that thread does, so that nobody has to take the
// coordinator's word for it. One line for each beginning, sign of life and end, in a file per thread.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { answerOf, complaintOf } from './answer.js';
import { nowMs } from './clock.js';
import { ATTEMPTS } from './names.js';

const TICK_MS = 20;

const file = join(process.env['CHAOS_HISTORY'] ?? '.', `${ATTEMPTS}${process.pid}-${threadId}.log`);
const descriptor = openSync(file, 'a');

function note(what: 'begin' | 'tick' | 'end', id: string): void {
  writeSync(descriptor, `${what} ${nowMs()} ${id}\n`);
}

/** What a task does between its first and its last line. */
export function attempt(id: string) {
  note('begin', id);
  return {
    spin(ms: number): void {
      const until = nowMs() + ms;
      let tickAt = nowMs() + TICK_MS;
      while (nowMs() < until) {
        if (nowMs() < tickAt) continue;
        tickAt += TICK_MS;
        note('tick', id);
      }
    },
    async sleep(ms: number): Promise<void> {
      const ticks = setInterval(() => note('tick', id), TICK_MS);
      await new Promise((resolve) => setTimeout(resolve, ms));
      clearInterval(ticks);
    },
    nap(ms: number): Promise<void> {
      return new Promise((resolve) => setTimeout(resolve, ms));
    },
    answer(): number {
      note('end', id);
      return answerOf(id);
    },
    complain(): never {
      note('end', id);
      throw new Error(complaintOf(id));
    },
  };
}

export interface Recorder {
  attempt: typeof attempt;
}
