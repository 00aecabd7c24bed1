import type { Rule } from '../checker.js';
import type { Attempt, Call, History, Span } from '../history.js';
import { troublesOf } from './troubles.js';

/** After how long at most what nobody waits for any more has stopped, and begins no more, in ms. */
const STOP_MS = 5_000;

export function attemptsByCall({ attempts }: History): Map<string, Attempt[]> {
  return groupBy(attempts, ({ call }) => call);
}

export const attemptsAreAllowed: Rule = function* (history) {
  const byCall = attemptsByCall(history);
  const troubles = troublesOf(history);
  for (const call of history.calls) {
    const { id, kind, retries } = call;
    const begun = byCall.get(id)?.length ?? 0;
    const isInTrouble = troubles.some((trouble) => isDuring(call, trouble));
    if (begun > mostAttempts(call, history, isInTrouble))
      yield `${id} (${kind}, retries ${retries ?? 'default'}) began ${begun} times${placesOf(byCall.get(id))}`;
    byCall.delete(id);
  }
  for (const id of byCall.keys()) yield `${id} began and was never called`;
};

/**
 * How often a call may begin. Without a policy there is one more attempt, after the loss of a worker. A submitted task that may
 * run again is taken up anew by each coordinator.
 *
 * A loss that hit others as well costs no attempt of a call that may run again: it is a suspect then, and from there on alone,
 * so that the next loss counts. Only where a worker has other slots and a coordinator comes back, which keeps nobody away from
 * a suspect, it is not. When the outcome of what had ended was lost on the way, it is the same to its client.
 */
function mostAttempts(
  { retries = 1, isSubmitted }: Call,
  { coordinatorKills, slotsPerWorker }: History,
  isInTrouble: boolean,
): number {
  if (retries === 0) return 1;
  const spared = slotsPerWorker > 1 ? 1 + coordinatorKills : 1;
  const lives = isSubmitted ? 1 + coordinatorKills : 1;
  return lives * (1 + retries + (isInTrouble ? spared : 0));
}

/** Whether a call was not over yet, or called, while that went on. */
function isDuring({ calledAt, outcomes }: Call, { from, to }: Span): boolean {
  return calledAt <= to && from <= (outcomes[0]?.at ?? Infinity);
}

export const slotsRunOneAtATime: Rule = function* ({ attempts, slotsPerWorker }) {
  for (const [thread, inThread] of groupBy(attempts, ({ pid, thread }) => `${pid}, thread ${thread}`)) {
    let last: Attempt | undefined;
    for (const attempt of inThread.sort(byBeginning)) {
      if (last && (!last.hasEnded || last.seenAt > attempt.beganAt))
        yield `process ${thread}: ${attempt.call} began while ${last.call} ran`;
      last = attempt;
    }
  }
  for (const [pid, inProcess] of groupBy(attempts, ({ pid }) => pid)) {
    const running: Attempt[] = [];
    for (const attempt of inProcess.sort(byBeginning)) {
      const alive = running.filter(({ seenAt }) => seenAt > attempt.beganAt);
      if (alive.length >= slotsPerWorker)
        yield `process ${pid}: ${attempt.call} began while ${alive.map(({ call }) => call).join(', ')} ran`;
      running.splice(0, Infinity, ...alive, attempt);
    }
  }
};

/** Neither for one that has settled, nor for one whose client is gone. */
export const attemptsEnd: Rule = function* (history) {
  const byCall = attemptsByCall(history);
  const goneAt = new Map(history.clients.map(({ name, endedAt }) => [name, endedAt]));
  for (const { id, kind, client, outcomes, isSubmitted } of history.calls) {
    // What was submitted outlives its client.
    const leftAt = isSubmitted ? Infinity : (goneAt.get(client) ?? Infinity);
    const [first] = outcomes;
    // Whoever gave up a coordinator that was away too long has given up waiting; the task lives on in the queue.
    const isGivenUp =
      isSubmitted && first?.outcome.kind === 'refused' && first.outcome.code === 'unavailable';
    const overAt = isGivenUp ? leftAt : Math.min(first?.at ?? Infinity, leftAt);
    for (const { beganAt, seenAt } of byCall.get(id) ?? []) {
      if (beganAt > overAt + STOP_MS)
        yield `${id} (${kind}) began ${inMs(beganAt - overAt)} after it was over`;
      else if (seenAt > overAt + STOP_MS) yield `${id} (${kind}) ran on for ${inMs(seenAt - overAt)}`;
    }
  }
};

/** How often a call ran in two places at the same time: possible while a worker that counts as lost still lives. */
export function overlaps(history: History): number {
  let count = 0;
  for (const attempts of attemptsByCall(history).values()) {
    attempts.sort(byBeginning);
    for (const [index, { seenAt }] of attempts.entries()) {
      const next = attempts[index + 1];
      if (next && next.beganAt < seenAt) count += 1;
    }
  }
  return count;
}

function placesOf(attempts: readonly Attempt[] = []): string {
  return attempts
    .map(
      ({ pid, thread, beganAt, hasEnded }) =>
        ` [${pid}/${thread} at ${inMs(beganAt)}${hasEnded ? ', ended' : ''}]`,
    )
    .join('');
}

export function byBeginning(a: Attempt, b: Attempt): number {
  return a.beganAt - b.beganAt;
}

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

export function inMs(ms: number): string {
  return `${Math.round(ms)} ms`;
}
