import { answerOf, complaintOf } from '../answer.js';
import type { Rule } from '../checker.js';
import type { Call, History, Outcome } from '../history.js';
import { attemptsByCall } from './attempts.js';
import { troublesOf } from './troubles.js';

/** Failures that a fault may lead to. */
const CODES = ['worker-lost', 'lease-lost', 'unavailable', 'poison'];

export const callsSettleOnce: Rule = function* ({ calls, clients }) {
  const killed = new Set(clients.filter(({ end }) => end.kind === 'killed').map(({ name }) => name));
  for (const { id, client, kind, outcomes } of calls) {
    if (outcomes.length > 1) yield `${id} (${kind}) settled ${outcomes.length} times`;
    if (outcomes.length === 0 && !killed.has(client)) yield `${id} (${kind}) never settled`;
  }
};

/** Whatever became of who had submitted it, and of the coordinators meanwhile. */
export const takenOnIsDone: Rule = function* ({ queued }) {
  for (const { call, state } of queued)
    if (!['succeeded', 'failed', 'cancelled'].includes(state))
      yield `${call} was taken on by the queue, and is ${state}`;
};

export const outcomesAreRight: Rule = function* (history) {
  const attempts = attemptsByCall(history);
  for (const call of history.calls) {
    for (const { outcome } of call.outcomes) {
      const wrong = whatIsWrong(call, outcome);
      if (wrong) yield `${call.id} (${call.kind}) ${wrong}`;
      const isOfTheTask = outcome.kind !== 'refused';
      if (isOfTheTask && !attempts.get(call.id)?.some(({ hasEnded }) => hasEnded))
        yield `${call.id} (${call.kind}) has an answer that no thread has given`;
    }
  }
};

function whatIsWrong({ id, kind }: Call, outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'result':
      if (kind === 'throws' || kind === 'stuck') return `answered ${String(outcome.value)} and cannot`;
      if (outcome.value !== answerOf(id))
        return `answered ${String(outcome.value)} instead of ${answerOf(id)}`;
      return undefined;
    case 'thrown':
      if (kind !== 'throws' || outcome.message !== complaintOf(id)) return `threw «${outcome.message}»`;
      return undefined;
    case 'refused':
      if (CODES.includes(outcome.code) || (outcome.code === 'timeout' && kind === 'stuck')) return undefined;
      return `failed with ${outcome.code}: ${outcome.message}`;
  }
}

export const failuresAreExplained: Rule = function* (history) {
  const troubles = troublesOf(history);
  for (const { id, kind, calledAt, outcomes } of history.calls) {
    for (const { at, outcome } of outcomes) {
      if (outcome.kind !== 'refused' || outcome.code === 'timeout') continue;
      if (troubles.some(({ from, to }) => from <= at && calledAt <= to)) continue;
      yield `${id} (${kind}) failed with ${outcome.code} though nothing had happened: ${outcome.message}`;
    }
  }
};

export const failuresTellWhatRan: Rule = function* (history: History) {
  const attempts = attemptsByCall(history);
  for (const { id, kind, outcomes } of history.calls) {
    const begun = attempts.get(id)?.length ?? 0;
    for (const { outcome } of outcomes) {
      if (outcome.kind === 'refused' && !outcome.mayHaveRun && begun > 0)
        yield `${id} (${kind}) failed with ${outcome.code} and mayHaveRun false, and began ${begun} times`;
    }
  }
};
