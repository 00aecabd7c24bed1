import type { Rule } from '../checker.js';
import type { Attempt, Restart } from '../history.js';
import { byBeginning, groupBy, inMs } from './attempts.js';
import { sessionsOf } from './shares.js';

/** What was under way when the coordinator was killed may still arrive for so long, in ms. */
const UNDER_WAY_MS = 150;

export const poolRecovers: Rule = function* ({ rounds, workers }) {
  for (const { startedAt, recoveredAt, faults } of rounds) {
    if (recoveredAt !== undefined) continue;
    const kinds = faults.map(({ kind }) => kind).join(', ');
    yield `after ${kinds} (at ${inMs(startedAt)}) there were not ${workers} workers again in time`;
  }
};

/**
 * A client that begins another task on a slot after the coordinator was killed has a lease there that lives. Until it has
 * been able to say so, nobody else may begin anything on it.
 */
export const restartsAreGraceful: Rule = function* (history) {
  const clientOf = sessionsOf(history);
  const threads = groupBy(history.attempts, ({ pid, thread }) => `${pid}, thread ${thread}`);
  for (const restart of history.restarts) {
    for (const [thread, attempts] of threads) {
      const intruder = intruderOf(restart, attempts, clientOf);
      if (intruder)
        yield `process ${thread}: ${intruder.call} began on a slot of ${restart.client}, whose lease lived`;
    }
  }
};

function intruderOf(
  { killedAt, reachableAt, client }: Restart,
  attempts: Attempt[],
  clientOf: ReadonlyMap<string, string>,
): Attempt | undefined {
  const meanwhile = attempts
    .filter(({ beganAt }) => beganAt > killedAt + UNDER_WAY_MS && beganAt < reachableAt)
    .sort(byBeginning);
  const first = meanwhile.findIndex(({ call }) => clientOf.get(call) === client);
  if (first === -1) return undefined;
  return meanwhile.slice(first).find(({ call }) => clientOf.get(call) !== client);
}

export const clientsEndWell: Rule = function* ({ clients }) {
  for (const { name, end } of clients) if (end.kind === 'failed') yield `${name} ended with ${end.why}`;
};

export const nothingIsLeft: Rule = ({ leftovers }) => leftovers;
