// npm run bench:profile: where the thread of a slot spends its time while 1 MiB comes in again and again.
import { startPool } from 'offhand';
import type { Profiler } from 'node:inspector';
import type { Session } from 'node:inspector/promises';

const CALLS = 200;
const LINES = 10;

const begin = async () => {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  Object.assign(globalThis, { profiledSession: session });
};
const end = async () => {
  const { profiledSession: session } = globalThis as unknown as { profiledSession: Session };
  return (await session.post('Profiler.stop')).profile;
};
const lengthOf = (values: Float64Array) => values.length;

const pool = await startPool({ workers: 1 });
const values = new Float64Array((1024 * 1024) / 8).fill(1.5);
for (let call = 0; call < 20; call++) await pool.run(lengthOf, values);
await pool.run(begin);
const startedAt = performance.now();
for (let call = 0; call < CALLS; call++) await pool.run(lengthOf, values);
const elapsedMs = performance.now() - startedAt;
const profile = await pool.run(end);
await pool.close();

console.log(
  `1 MiB in, ${CALLS} times: ${(elapsedMs / CALLS).toFixed(1)} ms each; in the thread of the slot, per call:`,
);
for (const [name, ms] of selfTimes(profile).slice(0, LINES))
  console.log(`  ${(ms / CALLS).toFixed(2).padStart(6)} ms  ${name}`);

/** By function, most first, in ms. */
function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): [name: string, ms: number][] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName || '(no name)']));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0) / 1_000);
  }
  return [...times].sort((a, b) => b[1] - a[1]);
}
