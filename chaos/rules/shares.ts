import { UNUSED_LEASE_TTL_MS } from '../../src/core/scheduler/lease.js';
import type { Rule } from '../checker.js';
import type { Fault, History, Round, Span } from '../history.js';
import { coveredBy, lengthOf, lengthOfAll, merged, overlap, without } from '../spans.js';
import { inMs } from './attempts.js';

/** What a client gets at least of an even share. */
const LEAST_SHARE = 0.2;
/** For what part of a calm time a client has to have enough to do: one that asks for little gets little. */
const LEAST_DEMAND = 0.5;
/** For how long slot times are compared at least, in ms: whoever is ahead by a long task has to be caught up with. */
export const LEAST_COMPARED_MS = 3_000;

/** Slot times of clients over instants at which each of them wanted all that the pool has. */
export interface Comparison {
  window: Span;
  /** By client. */
  usedMs: Map<string, number>;
}

export const sharesRecover: Rule = function* (history) {
  for (const { window, usedMs } of comparisonsOf(history)) {
    const even = [...usedMs.values()].reduce((sum, ms) => sum + ms, 0) / usedMs.size;
    for (const [name, ms] of usedMs) {
      // Where nobody has anything, all of them starve.
      if (ms > 0 && ms >= LEAST_SHARE * even) continue;
      const share = even === 0 ? 'nothing' : (ms / even).toFixed(2);
      yield `${name} had ${share} of an even share from ${inMs(window.from)} to ${inMs(window.to)}`;
    }
  }
};

/** One for each calm time in which shares can be compared. */
export function comparisonsOf(history: History): Comparison[] {
  const clientOf = sessionsOf(history);
  // A worker that stands still passes no slot on; where all do, so does the coordinator.
  const stalls = merged(history.attempts.flatMap((attempt) => attempt.stalls ?? []));
  return history.rounds.flatMap((round) => compare(history, round, stalls, clientOf) ?? []);
}

function compare(
  history: History,
  round: Round,
  stalls: readonly Span[],
  clientOf: ReadonlyMap<string, string>,
): Comparison | undefined {
  const { calmUntil: to, clients = [] } = round;
  if (to === undefined) return undefined;
  const window = { from: disturbedUntil(round), to };
  const calm = without([window], stalls);
  const wanting = clients
    .map((name) => ({ name, demand: demandOf(name, history, window) }))
    .map(({ name, demand }) => ({ name, lack: without(calm, demand) }))
    .filter(({ lack }) => lengthOfAll(lack) <= (1 - LEAST_DEMAND) * lengthOfAll(calm));
  const compared = without(calm, merged(wanting.flatMap(({ lack }) => lack)));
  if (wanting.length < 2 || lengthOfAll(compared) < LEAST_COMPARED_MS) return undefined;
  const usedMs = new Map(wanting.map(({ name }) => [name, 0]));
  for (const { call, beganAt, seenAt } of history.attempts) {
    const client = clientOf.get(call) ?? '';
    const used = usedMs.get(client);
    if (used !== undefined) usedMs.set(client, used + runMs({ from: beganAt, to: seenAt }, compared));
  }
  return { window, usedMs };
}

function runMs(ran: Span, compared: readonly Span[]): number {
  return compared.reduce((sum, span) => sum + lengthOf(overlap(ran, span)), 0);
}

/** By call, under whose leases it runs: what was submitted runs under those of the queue. */
export function sessionsOf({ calls }: History): Map<string, string> {
  return new Map(calls.map(({ id, client, isSubmitted }) => [id, isSubmitted ? 'queue' : client]));
}

/** When a client had as many calls of its own that were not over as the pool has slots: whatever it was given, it wanted. */
function demandOf(name: string, { calls, workers, slotsPerWorker }: History, window: Span): Span[] {
  const spans = calls
    .filter(({ client, isSubmitted }) => client === name && !isSubmitted)
    .map(({ calledAt, outcomes }) => ({ from: calledAt, to: outcomes[0]?.at ?? Number.POSITIVE_INFINITY }));
  return coveredBy(spans, workers * slotsPerWorker, window);
}

/** When faults and what comes of them for a while were over: from then on shares are even again. */
export function disturbedUntil({
  faults,
  startedAt,
  recoveredAt,
}: Omit<Round, 'calmUntil' | 'clients'>): number {
  return Math.max(startedAt, recoveredAt ?? startedAt, ...faults.map(overAt));
}

/**
 * A coordinator that was restarted leaves the slots to those who had them for one lease time, since they may be frozen, or
 * gone. Where nothing else was done they have all claimed them by the end.
 */
function overAt({ kind, until }: Fault): number {
  return kind === 'restart-coordinator' ? until + UNUSED_LEASE_TTL_MS : until;
}
