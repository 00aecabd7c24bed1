// npm run soak:web: how the memory of an open page of the dashboard grows while the pool is at work, in Debian's Chromium.
// --minutes may be given. Every view is opened over and over; what is counted is what is left after a collection of garbage.
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Pool } from 'offhand';
import { type CDPSession, chromium, type Page } from 'playwright-core';
import yargs from 'yargs';
import { type Measured, printGrowth } from '../chaos/growth.js';
import { vitalsOf } from '../chaos/vitals.js';
import { startServerProcess } from './server-process.js';

const SAMPLES = 40;
/** How long a view is looked at, in ms. */
const VIEW_MS = 4_000;
/** Direct tasks of one round, and how long each of them waits, in ms. */
const [ROUND, TASK_MS] = [8, 100];

const COLUMNS = ['JS heap MB', 'DOM nodes', 'listeners', 'page MB'];

const { minutes } = await yargs(process.argv.slice(2))
  .env('OFFHAND_SOAK')
  .option('minutes', { type: 'number', default: 60, describe: 'how long' })
  .strictOptions()
  .parseAsync();

/** The id of the task that was submitted last. */
let newest = '';

const server = await startServerProcess(4, ['--slots', '2']);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  Object.assign(process.env, server.env);
  await using pool = await connect();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(server.link);
  await page.getByText('live', { exact: true }).waitFor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const pid = await rendererPid();

  const ending = new AbortController();
  const work = workUntil(pool, ending.signal);
  const startedAt = performance.now();
  const samples: Measured[] = [];
  while (samples.length < SAMPLES) {
    const until = startedAt + ((samples.length + 1) * minutes * 60_000) / SAMPLES;
    while (performance.now() < until) await lookAround(page, until);
    const values = await leftOver(page, devtools, pid);
    const minute = (performance.now() - startedAt) / 60_000;
    samples.push({ minute, values });
    console.log(
      `${minute.toFixed(1)} min: ${values.map((value, n) => `${COLUMNS[n]} ${value.toFixed(1)}`).join(', ')}`,
    );
  }
  ending.abort();
  await work;
  printGrowth(COLUMNS, samples);
  for (const problem of problems.slice(0, 5)) console.log(`  ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await browser.close();
  await server.stop();
}

/** Direct tasks and submitted ones, some of which print, and some of which fail. */
async function workUntil(pool: Pool, ending: AbortSignal): Promise<void> {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  for (let n = 0; !ending.aborted; n++) {
    const file = `prices-${n}.csv`;
    const submitted = await pool.submit(
      async (name: string, ms: number) => {
        console.log('reading', name);
        await new Promise((resolve) => setTimeout(resolve, ms));
        if (ms % 10 === 0) throw new RangeError(`${name}: line 812: expected 7 columns, got 6`);
        return { name, ms };
      },
      [file, 20 + (n % 50)],
      // Names may come without end.
      { name: n % 5 === 0 ? `parse ${file}` : 'parse', retries: 0 },
    );
    newest = submitted.id;
    const durations = Array.from({ length: ROUND }, (_, i) => TASK_MS + ((i * 7_919 + n) % 23));
    for await (const _ of pool.with({ name: `resize${n % 7}` }).map(pause, durations, { ordered: false }));
  }
}

/** One view after the other. */
async function lookAround(page: Page, until: number): Promise<void> {
  for (const view of [
    'stream',
    'tasks',
    `tasks/${newest}`,
    'workers',
    'workers/worker-2',
    'run',
    'try',
    'now',
  ]) {
    if (performance.now() >= until) return;
    await page.evaluate(`location.hash = '#/${view}'`);
    await delay(VIEW_MS);
  }
}

/** What is left on the first view once the garbage is collected. */
async function leftOver(page: Page, devtools: CDPSession, pid: number): Promise<number[]> {
  await page.evaluate(`location.hash = '#/now'`);
  await page.getByRole('heading', { name: 'Workers' }).waitFor();
  // The second round takes what was only held by what the first has found.
  for (let round = 0; round < 2; round++) await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
  const { rssMb } = vitalsOf([pid]);
  return [value('JSHeapUsedSize') / 2 ** 20, value('Nodes'), value('JSEventListeners'), rssMb];
}

/** Of the process that holds the page. */
async function rendererPid(): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const cpuOf = ({ type, cpuTime }: (typeof processInfo)[number]) => (type === 'renderer' ? cpuTime : -1);
  // Chromium keeps a second one in reserve, which has done nothing.
  const [busiest] = processInfo.toSorted((a, b) => cpuOf(b) - cpuOf(a));
  if (busiest?.type === 'renderer') return busiest.id;
  throw new Error('Chromium names no process that shows the page');
}
