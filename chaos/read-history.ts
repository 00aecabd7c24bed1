import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Note } from './client.js';
import type { Attempt, Call, Span } from './history.js';
import { ATTEMPTS, CALLS } from './names.js';

/** An attempt that gives no sign of life for this long has stood still, in ms: it does so every 20 ms, or is over sooner. */
const STALL_MS = 200;

/** Every call that clients have written down. */
export function readCalls(folder: string): Call[] {
  return filesOf(folder, CALLS).flatMap(({ name, lines }) => {
    const client = name.slice(CALLS.length).replace(/\.jsonl$/, '');
    const calls = new Map<string, Call>();
    for (const line of lines) {
      const note = JSON.parse(line) as Note;
      if ('call' in note) {
        const { call: id, kind, retries, isSubmitted, at } = note;
        const call = { id, client, kind, retries, isSubmitted, task: undefined };
        calls.set(id, { ...call, calledAt: at, outcomes: [] });
      } else if ('taken' in note) {
        const call = calls.get(note.taken);
        if (call) call.task = note.task;
      } else calls.get(note.settled)?.outcomes.push({ at: note.at, outcome: note.outcome });
    }
    return [...calls.values()];
  });
}

/** Every attempt that threads have written down. */
export function readAttempts(folder: string): Attempt[] {
  return filesOf(folder, ATTEMPTS).flatMap(({ name, lines }) => {
    const [pid = 0, thread = 0] = (/(\d+)-(\d+)/.exec(name) ?? []).slice(1).map(Number);
    const attempts: Attempt[] = [];
    /** The newest attempt of each call in this thread. */
    const open = new Map<string, Attempt & { stalls: Span[] }>();
    for (const line of lines) {
      const [what, at = '', call = ''] = line.split(' ');
      const seenAt = Number(at);
      if (what === 'begin') {
        const attempt = { call, pid, thread, beganAt: seenAt, seenAt, hasEnded: false, stalls: [] };
        attempts.push(attempt);
        open.set(call, attempt);
        continue;
      }
      const attempt = open.get(call);
      if (!attempt) continue;
      if (seenAt - attempt.seenAt > STALL_MS) attempt.stalls.push({ from: attempt.seenAt, to: seenAt });
      attempt.seenAt = seenAt;
      if (what === 'end') attempt.hasEnded = true;
    }
    return attempts;
  });
}

/** A process that was killed leaves no half line: each was written by one call of the system. */
function filesOf(folder: string, prefix: string): { name: string; lines: string[] }[] {
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix));
  return names.map((name) => ({
    name,
    lines: readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1),
  }));
}
