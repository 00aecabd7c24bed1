import { expect, test } from '@jest/globals';
import { SLEEP, SPIN } from '../support/functions.js';
import { busyMs, type ProfileRow, readProfile, rowsOf } from '../support/profile.js';
import { PoolFixture } from '../support/pool.js';
import { killNow } from '../support/sandbox.js';
import { waitFor } from '../support/wait.js';

const pool = new PoolFixture(['2']);

const rowsNow = (): ProfileRow[] => {
  try {
    return readProfile(pool.server.profile);
  } catch {
    return []; // Being written.
  }
};

/** Rows of one worker, once there is one that fits. */
const rowsOnce = (worker: string, fits: (row: ProfileRow) => boolean) =>
  waitFor(`a row of ${worker}`, () => {
    const rows = rowsOf(rowsNow(), worker);
    return rows.some(fits) ? rows : undefined;
  });

test('the profile tells what every worker did, exactly', async () => {
  const lease = await pool.take();
  const { worker } = lease;
  const idle = worker === 'worker-1' ? 'worker-2' : 'worker-1';
  let ranMs = 0;
  for (let index = 0; index < 6; index++) ranMs += (await pool.run(lease, SPIN, [150])).run_ms;
  for (let index = 0; index < 2; index++)
    ranMs += (await pool.run(lease, '() => { throw new Error("meant"); }')).run_ms;
  const rows = await rowsOnce(worker, ({ completed, failed }) => completed === 6 && failed === 2);

  expect(rows.every(({ busyFraction }) => busyFraction >= 0 && busyFraction <= 1)).toBe(true);
  expect(rows.every(({ busy }) => busy === 0 || busy === 1)).toBe(true);
  expect(rows.map(({ timeS }) => timeS)).toEqual(rows.map(({ timeS }) => timeS).sort((a, b) => a - b));
  expect(rows.map(({ completed }) => completed)).toEqual(
    rows.map(({ completed }) => completed).sort((a, b) => a - b),
  );
  expect(busyMs(rows) / ranMs).toBeGreaterThan(0.95);
  expect(busyMs(rows) / ranMs).toBeLessThan(1.05);
  expect(rows.filter(({ busy }) => busy === 1).length).toBeGreaterThan(5);
  const others = rowsOf(rowsNow(), idle);
  expect(others.length).toBeGreaterThan(5);
  expect(others.every(({ busy, busyFraction }) => busy === 0 && busyFraction === 0)).toBe(true);
  const measured = await rowsOnce(worker, ({ rssBytes }) => rssBytes !== undefined);
  expect(measured.at(-1)?.rssBytes).toBeGreaterThan(10_000_000);
  expect(measured.at(-1)?.cpuPercent).toBeGreaterThanOrEqual(0);
});

test('a task after idle time is charged to the time it ran, not thinned over the silence before', async () => {
  const lease = await pool.take();
  const before = rowsNow().length;
  // Long enough for several samples without any news from the worker.
  await waitFor('idle rows', () => rowsNow().length > before + 10);
  const startS = rowsNow().at(-1)?.timeS ?? 0;
  const { completed = 0 } = (await pool.status()).workers.find(({ worker }) => worker === lease.worker) ?? {};
  const { run_ms } = await pool.run(lease, SLEEP, [600]);
  const rows = await rowsOnce(lease.worker, (row) => row.completed > completed);
  const shares = rows.filter(({ timeS }) => timeS > startS).map(({ busyFraction }) => busyFraction);
  expect(Math.max(...shares)).toBeGreaterThan(0.9);
  const sinceStart = rows.filter(({ timeS }) => timeS > startS - 0.15);
  const [first, ...rest] = sinceStart;
  const ran = rest.reduce(
    (sum, row, index) =>
      sum + row.busyFraction * (row.timeS - ((index ? rest[index - 1] : first)?.timeS ?? 0)),
    0,
  );
  expect(ran * 1_000).toBeGreaterThan(run_ms * 0.75);
  expect(ran * 1_000).toBeLessThan(run_ms * 1.25);
});

test('a worker keeps its name when its process is replaced', async () => {
  const [worker] = (await pool.status()).workers;
  killNow(worker?.pid ?? 0);
  const lost = await waitFor('the replacement', async () => {
    const now = (await pool.status()).workers.find(({ worker: name }) => name === worker?.worker);
    return now && now.pid !== worker?.pid ? now : undefined;
  });
  const sinceS = rowsNow().at(-1)?.timeS ?? 0;
  const rows = await rowsOnce(lost.worker, ({ timeS, completed }) => timeS > sinceS && completed === 0);
  expect(rows.at(-1)).toMatchObject({ completed: 0, failed: 0 });
  expect(new Set(rowsNow().map(({ worker: name }) => name))).toEqual(new Set(['worker-1', 'worker-2']));
});
