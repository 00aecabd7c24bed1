// npm run demo: real work on a pool, beside the same work on one thread, with the plots to see it by.
import { execFileSync, fork } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { build } from 'esbuild';
import { startServerProcess } from '../bench/server-process.js';
import type { ClientNews } from './client.js';
import { FUNCTIONS, type Job, makeJobs } from './jobs.js';
import type { FileFacts } from './work.js';

const WORKERS = Math.max(2, Math.min(4, cpus().length));
const CLIENTS = 3;
const { values } = parseArgs({
  options: {
    /** How much of node_modules is read. */
    megabytes: { type: 'string', default: '60' },
    /** Where profiling/ and plots/ are written. */
    out: { type: 'string', default: '.' },
  },
});
const PROFILE = join(values.out, 'profiling/demo.csv');
const PLOTS = join(values.out, 'plots/demo');

await build({
  entryPoints: ['demo/client.ts'],
  outfile: 'build/demo/client.mjs',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
});
const { jobs, files, bytes } = makeJobs('node_modules', Number(values.megabytes) * 1e6);
console.log(`The work: ${jobs.length} calls.`);
console.log(
  `  ${files.toLocaleString('en')} files from node_modules (${mb(bytes)}): gzip, SHA-256, word counts`,
);
console.log('  primes below 2,000,000; a matrix product of 1,000; Fibonacci of 35\n');

const bar = new SingleBar({
  format: '  {what}  {bar} {value}/{total} calls, {duration_formatted}',
  hideCursor: true,
});
const server = await startServerProcess(WORKERS, ['--profile', PROFILE]);
bar.start(jobs.length, 0, { what: `${WORKERS} workers, ${CLIENTS} clients` });
const startedAt = performance.now();
const pooled = await runOnPool();
const poolS = (performance.now() - startedAt) / 1_000;
bar.stop();
await server.stop();

bar.start(jobs.length, 0, { what: 'one thread           ' });
const aloneAt = performance.now();
const alone: unknown[] = [];
for (const { kind, argument } of jobs) {
  alone.push(await (FUNCTIONS[kind] as (argument: unknown) => unknown)(argument));
  bar.increment();
}
const aloneS = (performance.now() - aloneAt) / 1_000;
bar.stop();

if (JSON.stringify(pooled) !== JSON.stringify(alone))
  throw new Error('the pool and the single thread disagree');
report(pooled);
const GRAPHER = ['dist/cli/main.js', 'grapher', PROFILE, '--out', PLOTS, '--format', 'pdf,png'];
const pictures = execFileSync(process.execPath, GRAPHER, { encoding: 'utf8' });
console.log(`One thread ${aloneS.toFixed(1)} s, the pool ${poolS.toFixed(1)} s: ${(aloneS / poolS).toFixed(2)} times as fast on ${cpus().length} cores.
Both gave the same results. The profile and the plots to look at:

${PROFILE}
${pictures}`);

async function runOnPool(): Promise<unknown[]> {
  const results: unknown[] = [];
  const shares = Array.from({ length: CLIENTS }, (_, client) =>
    jobs.map((_, i) => i).filter((i) => i % CLIENTS === client),
  );
  await Promise.all(
    shares.map(async (share) => {
      const part = await runClient(share.map((index) => jobs[index] as Job));
      share.forEach((index, place) => (results[index] = part[place]));
    }),
  );
  return results;
}

function runClient(share: Job[]): Promise<unknown[]> {
  const child = fork('build/demo/client.mjs', { env: server.env });
  child.send(share);
  return new Promise((resolve, reject) => {
    child.on('message', (news: ClientNews) => {
      if (news.type === 'progress') bar.increment();
      else resolve(news.results);
    });
    // Not `exit`: what a child has sent may still be on its way then.
    child.on('disconnect', () => reject(new Error('a client ended before its work was done')));
  });
}

function report(results: unknown[]): void {
  const of = (kind: Job['kind']) => results.filter((_, index) => jobs[index]?.kind === kind);
  const facts = of('files').flat() as FileFacts[];
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const original = sum(facts.map((fact) => fact.bytes));
  const zipped = sum(facts.map((fact) => fact.gzipBytes));
  const distinct = new Set(facts.map((fact) => fact.sha256)).size;
  const words = sum(facts.map((fact) => fact.words));
  console.log(`
  files            ${mb(original)} shrink to ${mb(zipped)} (${((100 * zipped) / original).toFixed(1)} %), ${words.toLocaleString('en')} words, ${(facts.length - distinct).toLocaleString('en')} files are copies of another
  primes           ${sum(of('primes') as number[])} below 2,000,000
  Fibonacci of 35  ${sum(of('fibonacci') as number[])}
  matrix product   elements sum to ${sum(of('matrix') as number[]).toLocaleString('en')}
`);
}

function mb(value: number): string {
  return `${(value / 1e6).toFixed(1)} MB`;
}
