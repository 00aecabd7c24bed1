// npm run crash: the coordinator is killed at random moments while tasks are submitted and run, again and again; whatever it
// had acknowledged has to be there afterwards, with the outcome it should have. Ends with one line, and exit code 1 when
// something was lost.
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect, type Pool, type TaskHandle } from 'offhand';
import { Sandbox } from '../test/support/sandbox.js';
import { PoolUnderTest } from './pool-under-test.js';
import { Random } from './random.js';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } },
});
const [kills, seed] = [Number(values.kills), Number(values.seed)];
const random = new Random(seed);

/** How long the coordinator lives, in ms. */
const [LEAST_LIFE_MS, MOST_LIFE_MS] = [50, 700];
/** Tasks on their way at a time, and how many go together. */
const SUBMITTERS = 3;
const TOGETHER = 25;
/** So many rounds each may be ahead of what was run: on a fast machine the rest would take longer than the kills. */
const ROUNDS_AHEAD = 500;

/** What was acknowledged, and what it has to come to. */
const acknowledged: { task: TaskHandle; expected: string }[] = [];
/** Outcomes that were seen while it went on: they are for ever. */
const seen = new Map<string, string>();

const echo = (value: number) => value;
const slow = async (value: number) => {
  await new Promise((resolve) => setTimeout(resolve, 30));
  return value;
};
const add = (a: number, b: number) => a + b;
const fail = (value: number) => {
  throw new Error(`no ${value}`);
};

await using sandbox = new Sandbox();
const server = await PoolUnderTest.start(sandbox, {
  main: resolve('dist/cli/main.js'),
  workers: 2,
  slots: 1,
  env: {},
  args: ['--store', `file:${sandbox.path('queue')}`, '--keep-count', '10000000'],
});
const pool = await connect(`127.0.0.1:${server.port}`, { token: sandbox.token, reconnectTimeoutMs: 60_000 });

let isOver = false;
const submitters = Array.from({ length: SUBMITTERS }, (_, n) => submitAll(pool, n * 1_000_000));
for (let kill = 1; kill <= kills; kill++) {
  // Every third one may be killed before it was of any use.
  if (kill % 3 !== 0) await nextAcknowledged();
  await delay(random.between(LEAST_LIFE_MS, MOST_LIFE_MS));
  await server.kill();
  await server.restart();
  if (kill % 20 === 0) console.log(`${kill} kills, ${acknowledged.length} tasks acknowledged`);
}
isOver = true;
await Promise.all(submitters);

let lost = 0;
let changed = 0;
let again = 0;
const outcomes = await Promise.all(acknowledged.map(({ task }) => outcomeOf(task)));
for (const [index, { task, expected }] of acknowledged.entries()) {
  const outcome = outcomes[index];
  if (outcome !== expected) {
    lost += 1;
    console.log(`task ${task.id}: expected ${expected}, got ${outcome}`);
  }
  const before = seen.get(task.id);
  if (before !== undefined && before !== outcome) {
    changed += 1;
    console.log(`task ${task.id}: was ${before}, is ${outcome}`);
  }
}
for await (const { attempt } of pool.tasks()) if (attempt > 1) again += 1;
await pool.close();
await server.stop();
const figures = `${kills} kills, ${acknowledged.length} tasks acknowledged, ${again} run again, ${lost} lost, ${changed} settled twice`;
console.log(
  `crash: ${lost + changed === 0 && acknowledged.length > 0 ? 'passed' : 'FAILED'}, seed ${seed}: ${figures}`,
);
process.exitCode = lost + changed === 0 && acknowledged.length > 0 ? 0 : 1;

/** Submits until it is over, all kinds of tasks. */
async function submitAll(target: Pool, first: number): Promise<void> {
  const rounds: Promise<unknown>[] = [];
  for (let n = first; !isOver; n += 1) {
    if (rounds.length > ROUNDS_AHEAD) await rounds.shift();
    const lists = Array.from({ length: TOGETHER }, (_, i): [number] => [n * TOGETHER + i]);
    const tasks = n % 8 === 0 ? await target.submitMany(slow, lists) : await target.submitMany(echo, lists);
    tasks.forEach((task, i) => acknowledged.push({ task, expected: String(lists[i]?.[0]) }));
    const [a, b] = tasks;
    if (a && b) {
      const sum = await target.submit(add, [a, b], { key: `sum ${n}`, priority: n % 3 });
      acknowledged.push({ task: sum, expected: String(Number(lists[0]?.[0]) + Number(lists[1]?.[0])) });
    }
    const failing = await target.submit(fail, [n], { delayMs: 20, group: { name: 'failing', limit: 1 } });
    acknowledged.push({ task: failing, expected: `Error: no ${n}` });
    if (a) rounds.push(outcomeOf(a).then((outcome) => seen.set(a.id, outcome)));
  }
}

/** Resolves when one more task was acknowledged, or after half a minute, which is then told by the outcome. */
async function nextAcknowledged(): Promise<void> {
  const before = acknowledged.length;
  for (let waited = 0; acknowledged.length === before && waited < 30_000; waited += 10) await delay(10);
}

function outcomeOf(task: TaskHandle): Promise<string> {
  return task.result().then(String, String);
}
