// npm run bench:shares: how evenly clients that all want more than there is share the slots of a pool.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect } from 'offhand';
import { startServerProcess } from './server-process.js';

const SECONDS = 5;
const LONGEST_MS = 100;

/** How a client behaves: how many calls it keeps under way, and how long they take at most. */
interface Manner {
  name: string;
  atOnce: number;
  longestMs: number;
}

const usual: Manner = { name: 'usual', atOnce: 8, longestMs: LONGEST_MS };
const SCENES: { name: string; workers: number; clients: Manner[] }[] = [
  { name: '4 clients, 4 workers', workers: 4, clients: [usual, usual, usual, usual] },
  { name: '3 clients, 2 workers', workers: 2, clients: [usual, usual, usual] },
  {
    name: '3 clients, 2 workers, one floods',
    workers: 2,
    clients: [{ name: 'flood', atOnce: 1_000, longestMs: LONGEST_MS }, usual, usual],
  },
  {
    name: '3 clients, 2 workers, short and long tasks',
    workers: 2,
    clients: [
      { name: 'short', atOnce: 100, longestMs: 2 },
      { name: 'middle', atOnce: 8, longestMs: 20 },
      usual,
    ],
  },
];

if (process.send) await beClient();
else await measure();

async function measure(): Promise<void> {
  for (const { name, workers, clients } of SCENES) {
    const server = await startServerProcess(workers, ['--no-profile']);
    const children = clients.map((manner, i) => {
      const child = fork(fileURLToPath(import.meta.url), { env: server.env });
      child.send({ manner, seed: i + 1 });
      return child;
    });
    await Promise.all(children.map((child) => once(child, 'message')));
    for (const child of children) child.send('go');
    const used = await Promise.all(children.map(async (child) => Number((await once(child, 'message'))[0])));
    await server.stop();
    const total = used.reduce((sum, ms) => sum + ms, 0);
    const even = 1 / clients.length;
    const shares = used.map((ms, i) => `${clients[i]?.name} ${(ms / total / even).toFixed(3)}`);
    const busy = (total / (SECONDS * 1_000 * workers)).toFixed(3);
    console.log(`${name}: ${shares.join(', ')} of an even share; slots busy ${busy} of the time`);
  }
}

/** Waits rather than computes: what is measured is who has the slots, not who has the cores. */
async function beClient(): Promise<void> {
  const [{ manner, seed }] = (await once(process, 'message')) as [{ manner: Manner; seed: number }];
  const pool = await connect();
  await pool.run(() => 1);
  process.send?.('ready');
  await once(process, 'message');
  let state = seed;
  let usedMs = 0;
  const endsAt = performance.now() + SECONDS * 1_000;
  const hold = (ms: number) => {
    const startedAt = performance.now();
    return new Promise<number>((resolve) => {
      setTimeout(() => resolve(performance.now() - startedAt), ms);
    });
  };
  const line = async () => {
    while (performance.now() < endsAt) {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      const ms = await pool.run(hold, 1 + (state / 2_147_483_648) * (manner.longestMs - 1));
      if (performance.now() <= endsAt) usedMs += ms;
    }
  };
  await Promise.race([
    Promise.all(Array.from({ length: manner.atOnce }, line)),
    new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000 + 50)),
  ]);
  process.send?.(usedMs, () => process.exit());
}
