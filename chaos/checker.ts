import type { History } from './history.js';
import { attemptsAreAllowed, attemptsEnd, slotsRunOneAtATime } from './rules/attempts.js';
import {
  callsSettleOnce,
  failuresAreExplained,
  failuresTellWhatRan,
  outcomesAreRight,
  takenOnIsDone,
} from './rules/calls.js';
import { clientsEndWell, nothingIsLeft, poolRecovers, restartsAreGraceful } from './rules/pool.js';
import { sharesRecover } from './rules/shares.js';

/** A promise that was broken, and how. */
export interface Violation {
  rule: string;
  detail: string;
}

/** Says how a history breaks one rule, a sentence each time. */
export type Rule = (history: History) => Iterable<string>;

const RULES: Record<string, Rule> = {
  'every call settles exactly once': callsSettleOnce,
  'what the queue has taken on has an outcome': takenOnIsDone,
  'no right answer is lost and no wrong one given': outcomesAreRight,
  'nothing fails without a fault': failuresAreExplained,
  'mayHaveRun is false only of what has not begun': failuresTellWhatRan,
  'no call begins more often than its policy allows': attemptsAreAllowed,
  'no slot runs two attempts at once': slotsRunOneAtATime,
  'nothing runs on for a call that is over': attemptsEnd,
  'the pool is at full strength again after each fault': poolRecovers,
  'shares recover after each fault': sharesRecover,
  'slots whose leases live are left alone after a restart': restartsAreGraceful,
  'clients end well': clientsEndWell,
  'nothing is left over': nothingIsLeft,
};

/** Every way in which a history breaks the rules. Pure. */
export function check(history: History): Violation[] {
  return Object.entries(RULES).flatMap(([rule, violationsOf]) =>
    [...violationsOf(history)].map((detail) => ({ rule, detail })),
  );
}
