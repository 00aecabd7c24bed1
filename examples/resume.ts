/**
 * A task that outlives this process, and the server too.
 *
 *     npx offhand server 2 --store file:queue
 *     npm run example examples/resume.ts resume.id    # submits a task, writes its id down, and ends
 *     npm run example examples/resume.ts resume.id    # takes it up again; stop and start the server in between, if you like
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'offhand';

const [file = 'resume.id'] = process.argv.slice(2);

const countPrimes = (max: number) => {
  let count = 0;
  for (let n = 2; n < max; n++) if (isPrime(n)) count += 1;
  return count;
  function isPrime(n: number) {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
    return true;
  }
};

await using pool = await connect();
if (existsSync(file)) {
  const task = pool.task<number>(readFileSync(file, 'utf8'));
  console.log(`task ${task.id}: ${(await task.result()).toLocaleString('en')} primes`);
  rmSync(file);
} else {
  const task = await pool.submit(countPrimes, [200_000], { delayMs: 1_000 });
  writeFileSync(file, task.id);
  console.log(`submitted ${task.id}; run this again for the result`);
}
