import Table from 'cli-table3';
import type { Violation } from './checker.js';
import type { History } from './history.js';
import { FAULT_KINDS } from './plan.js';
import { overlaps } from './rules/attempts.js';
import { comparisonsOf } from './rules/shares.js';

/** Violations of one rule that are printed; more of them say nothing new. */
const SHOWN = 5;

/** What happened, in two tables: what was done to the pool, and how calls ended. */
export function tablesOf(histories: readonly History[]): string {
  const faults = new Table({ head: ['fault', 'times'], style: { head: [], border: [] } });
  for (const kind of FAULT_KINDS) {
    const times = histories
      .flatMap(({ rounds }) => rounds.flatMap((round) => round.faults))
      .filter((fault) => fault.kind === kind).length;
    faults.push([kind, { content: times, hAlign: 'right' }]);
  }
  const outcomes = new Table({ head: ['outcome', 'calls'], style: { head: [], border: [] } });
  for (const [outcome, calls] of [...outcomesOf(histories)].sort(([, a], [, b]) => b - a))
    outcomes.push([outcome, { content: calls, hAlign: 'right' }]);
  return `${faults.toString()}\n${outcomes.toString()}\n${figuresOf(histories)}`;
}

function outcomesOf(histories: readonly History[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { calls } of histories) {
    for (const { outcomes } of calls) {
      const outcome = outcomes[0]?.outcome;
      const name =
        outcome?.kind === 'refused'
          ? `${outcome.code}, ${outcome.mayHaveRun ? 'may have run' : 'has not run'}`
          : (outcome?.kind ?? 'its client was killed');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}

function figuresOf(histories: readonly History[]): string {
  const sum = (of: (history: History) => number) =>
    histories.reduce((total, history) => total + of(history), 0);
  const recoveries = histories
    .flatMap(({ rounds }) => rounds)
    .flatMap(({ faults, recoveredAt }) =>
      recoveredAt === undefined || faults.length === 0
        ? []
        : [Math.max(0, recoveredAt - Math.max(...faults.map(({ until }) => until)))],
    )
    .sort((a, b) => a - b);
  const median = recoveries[Math.floor(recoveries.length / 2)] ?? 0;
  return [
    `${sum(({ attempts }) => attempts.length)} attempts`,
    `${sum(({ attempts }) => attempts.filter(({ hasEnded }) => !hasEnded).length)} of them cut short`,
    `${sum(overlaps)} beside another of the same call`,
    `${sum(({ restarts }) => restarts.length)} restarts in time for leases to live on`,
    `shares compared in ${sum((history) => comparisonsOf(history).length)} of ${sum(({ rounds }) => rounds.length)} calm times`,
    `whole again after ${Math.round(median)} ms (median), ${Math.round(recoveries.at(-1) ?? 0)} ms at most`,
  ].join(', ');
}

/** A few sentences for each rule that was broken. */
export function wordsFor(violations: readonly Violation[]): string {
  const lines: string[] = [];
  for (const rule of new Set(violations.map((violation) => violation.rule))) {
    const details = violations.filter((violation) => violation.rule === rule).map(({ detail }) => detail);
    lines.push(`VIOLATED: ${rule} (${details.length} times)`);
    for (const detail of details.slice(0, SHOWN)) lines.push(`  ${detail}`);
  }
  return lines.join('\n');
}
