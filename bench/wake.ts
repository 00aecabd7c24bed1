// npm run bench:wake: what waking up costs a client on this machine, whatever it then does.
import { setTimeout as sleep } from 'node:timers/promises';
import { startPool } from 'offhand';
import { noOp, roundsFor, spin } from './work.js';

const rounds = roundsFor(10);
const pool = await startPool({ workers: 1 });
for (let i = 0; i < 4_000; i++) await pool.run(noOp);

console.log('CPU time of the client per turn, in µs');
await measure('a timer of 10 ms, and nothing else', 200, () => sleep(10));
await measure('no-op calls, back to back', 2_000, () => pool.run(noOp));
await measure('calls of 10 ms of work', 200, () => pool.run(spin, rounds));
await pool.close();

async function measure(what: string, turns: number, turn: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
  const before = process.cpuUsage();
  for (let i = 0; i < turns; i++) await turn();
  const { user, system } = process.cpuUsage(before);
  console.log(`  ${what.padEnd(36)} ${Math.round((user + system) / turns)}`);
}
