/**
 * A nightly batch: a task for each account, at low priority, two of them at a time, and a report after the last.
 *
 *     npm run example examples/nightly.ts           # by itself: no server needed
 *
 * With `await connect()` in place of `startPool` it is left with a server; run it from cron as often as you like.
 */
import assert from 'node:assert/strict';
import { startPool } from 'offhand';

const ACCOUNTS = ['ada', 'grace', 'edsger', 'barbara', 'donald'];

const bill = (account: string, night: string) => ({ account, night, total: account.length * 10 });
const report = (...bills: ReturnType<typeof bill>[]) =>
  `${bills.length} accounts, ${bills.reduce((sum, { total }) => sum + total, 0)} in all`;

await using pool = await startPool({ workers: 2 });
const tonight = '2030-01-01';

// The key makes it once a night, however often this script is started.
const submitAll = () =>
  Promise.all(
    ACCOUNTS.map((account) =>
      pool.submit(bill, [account, tonight], {
        key: `bill ${account} ${tonight}`,
        delayMs: 100, // Or startAt: new Date(`${tonight}T02:00Z`).
        priority: -10,
        group: { name: 'billing', limit: 2 },
        retries: 3,
      }),
    ),
  );
const bills = await submitAll();
const again = await submitAll();
assert.deepEqual(
  again.map(({ id }) => id),
  bills.map(({ id }) => id),
);

// The report takes all of their results, and so comes after them.
const summary = await pool.submit(report, bills, { key: `report ${tonight}` });
console.log(await summary.result());
assert.equal(await summary.result(), '5 accounts, 270 in all');

for await (const { state, attempt } of pool.tasks({ group: 'billing' }))
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 1 });
