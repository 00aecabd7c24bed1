import { UNUSED_LEASE_TTL_MS } from '../../src/core/lease.js';
import type { Rule } from '../checker.js';
import type { Attempt, Fault, History, Restart, Round } from '../history.js';
import { byBeginning, groupBy, inMs } from './attempts.js';

/** What a client gets at least of an even share, up to the end of each calm time. */
const LEAST_SHARE = 0.2;
/** For what part of a window a client has to have something to do: one that asks for little gets little. */
const LEAST_DEMAND = 0.5;
/** For how long slot times are compared, in ms, at least half of it: whoever is ahead by a long task has to be caught up with. */
export const SHARE_MS = 6_000;

/** What was under way when the coordinator was killed may still arrive for so long, in ms. */
const UNDER_WAY_MS = 150;

interface Span {
  from: number;
  to: number;
}

export const poolRecovers: Rule = function* ({ rounds, workers }) {
  for (const { startedAt, recoveredAt, faults } of rounds) {
    if (recoveredAt !== undefined) continue;
    const kinds = faults.map(({ kind }) => kind).join(', ');
    yield `after ${kinds} (at ${inMs(startedAt)}) there were not ${workers} workers again in time`;
  }
};

export const sharesRecover: Rule = function* (history) {
  const clientOf = sessionsOf(history);
  const startedAt = new Map(history.clients.map((client) => [client.name, client.startedAt]));
  for (const { calmUntil: to, clients = [] } of history.rounds) {
    if (to === undefined) continue;
    const window = { from: to - SHARE_MS, to };
    const outages = outagesOf(history);
    const comparedMs = coveredMs([window], window, outages);
    if (comparedMs < SHARE_MS / 2) continue;
    const old = clients.filter(
      (name) =>
        (startedAt.get(name) ?? to) < window.from &&
        coveredMs(callsOf(name, history), window, outages) >= LEAST_DEMAND * comparedMs,
    );
    const used = slotTimes(history.attempts, window, outages, clientOf);
    const even = sum(old.map((name) => used.get(name) ?? 0)) / old.length;
    for (const name of old) {
      const share = (used.get(name) ?? 0) / even;
      if (!(share >= LEAST_SHARE))
        yield `${name} had ${share.toFixed(2)} of an even share from ${inMs(window.from)} to ${inMs(to)}`;
    }
  }
};

/** By call, under whose leases it runs: what was submitted runs under those of the queue. */
function sessionsOf({ calls }: History): Map<string, string> {
  return new Map(calls.map(({ id, client, isSubmitted }) => [id, isSubmitted ? 'queue' : client]));
}

/** When nobody can even anything out. */
function outagesOf({ rounds }: History): Span[] {
  return rounds.flatMap((round) => round.faults.flatMap((fault) => outageBy(fault, round)));
}

function outageBy({ kind, target, at, until }: Fault, { recoveredAt }: Round): Span[] {
  // What was sent to a frozen worker may be all that a client has. Once that is back, or lost and replaced, it runs.
  if (kind === 'freeze-worker-for-long') return [{ from: at, to: Math.max(until, recoveredAt ?? until) }];
  if (target !== 'coordinator') return [];
  // While there is none whoever has a lease keeps it. One that was restarted leaves the slots to those who had them for one
  // lease time: they may be frozen, or gone. Where it was away for so long that they have ended, others start first.
  if (kind === 'freeze-coordinator') return [{ from: at, to: until }];
  return [{ from: at, to: Math.max(until + UNUSED_LEASE_TTL_MS, recoveredAt ?? until) }];
}

/** When a client had calls of its own that were not over. */
function callsOf(name: string, { calls }: History): Span[] {
  return calls
    .filter(({ client, isSubmitted }) => client === name && !isSubmitted)
    .map(({ calledAt, outcomes }) => ({ from: calledAt, to: outcomes[0]?.at ?? Number.POSITIVE_INFINITY }));
}

/** For how long at least one of the spans goes on within a window, but for these parts of it. */
function coveredMs(spans: readonly Span[], window: Span, but: readonly Span[]): number {
  const covered = merged(spans.map((span) => overlap(span, window)));
  const left = merged(but);
  return sum(covered.map((span) => lengthOf(span) - sum(left.map((gap) => lengthOf(overlap(span, gap))))));
}

/** The same instants by spans that do not meet, in order. */
function merged(spans: readonly Span[]): Span[] {
  const disjoint: Span[] = [];
  for (const span of spans.filter((each) => lengthOf(each) > 0).sort((a, b) => a.from - b.from)) {
    const last = disjoint.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else disjoint.push({ ...span });
  }
  return disjoint;
}

function overlap(one: Span, other: Span): Span {
  return { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) };
}

function lengthOf({ from, to }: Span): number {
  return Math.max(0, to - from);
}

/** By client, how long its tasks ran in a window, but for these spans of it. */
function slotTimes(
  attempts: readonly Attempt[],
  window: Span,
  but: readonly Span[],
  clientOf: ReadonlyMap<string, string>,
): Map<string, number> {
  const used = new Map<string, number>();
  for (const { call, beganAt, seenAt } of attempts) {
    const client = clientOf.get(call) ?? '';
    const ran = overlap({ from: beganAt, to: seenAt }, window);
    const ms = lengthOf(ran) - sum(but.map((span) => lengthOf(overlap(ran, span))));
    if (ms > 0) used.set(client, (used.get(client) ?? 0) + ms);
  }
  return used;
}

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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
