// npm run bench:simulation: the placement policies beside one another, by the pure scheduler alone. No process is started,
// and no time passes: the same figures on every machine.
import { mkdir, writeFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { stringify } from 'csv-stringify/sync';
import type { PolicyName } from '../src/core/scheduler/placement.js';
import { median, quantile } from './peers/statistics.js';
import { drawSimulation, type SimulationRow } from './simulation/chart.js';
import { type Setting, simulate } from './simulation/simulate.js';

const WORKERS: Pick<Setting, 'speeds' | 'slots'> = { speeds: [0.5, 1, 1, 1], slots: 2 };
const TASKS = 50_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const LOADS = [0.5, 0.6, 0.7, 0.8, 0.9];

const POLICIES: [name: string, policy: PolicyName, knows: Setting['knows']][] = [
  ['first-free', 'first-free', 'learnt'],
  ['round-robin', 'round-robin', 'learnt'],
  ['least-remaining, learnt', 'least-remaining', 'learnt'],
  ['least-remaining, declared', 'least-remaining', 'declared'],
];

const FILE = 'profiling/simulation.csv';

function measure(name: string, policy: PolicyName, knows: Setting['knows'], load: number): SimulationRow {
  const runs = SEEDS.map((seed) => simulate({ policy, knows, load, seed, ...WORKERS, tasks: TASKS }));
  const over = (figure: (run: (typeof runs)[number]) => number) => median(runs.map(figure));
  return {
    policy: name,
    load,
    mean_wait_ms: over(({ waits }) => mean(waits)),
    p99_wait_ms: over(({ waits }) => quantile([...waits], 0.99)),
    mean_total_ms: over(({ totals }) => mean(totals)),
    p99_total_ms: over(({ totals }) => quantile([...totals], 0.99)),
  };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const rows = LOADS.flatMap((load) =>
  POLICIES.map(([name, policy, knows]) => measure(name, policy, knows, load)),
);
const table = new Table({
  head: ['load', 'policy', 'wait, mean', 'wait, p99', 'in all, mean', 'in all, p99'],
  style: { head: [], border: [] },
  colAligns: ['right', 'left', 'right', 'right', 'right', 'right'],
});
const inMs = (value: number) => `${Math.round(value).toLocaleString('en')} ms`;
for (const row of rows)
  table.push([
    `${Math.round(100 * row.load)} %`,
    row.policy,
    inMs(row.mean_wait_ms),
    inMs(row.p99_wait_ms),
    inMs(row.mean_total_ms),
    inMs(row.p99_total_ms),
  ]);
console.log(
  `4 workers of 2 slots, the first at half speed; ${TASKS.toLocaleString('en')} tasks of heavy-tailed durations; ` +
    `medians of ${SEEDS.length} seeds`,
);
console.log(table.toString());
await mkdir('profiling', { recursive: true });
await writeFile(FILE, stringify(rows.map(rounded), { header: true }));
console.log(`wrote ${[FILE, ...(await drawSimulation(rows))].join(', ')}`);

function rounded(row: SimulationRow): object {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toFixed(2)) : value,
    ]),
  );
}
