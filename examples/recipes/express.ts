import express, { type NextFunction, type Request, type Response } from 'express';
import { connect, PoolError } from 'offhand';

const pool = await connect();
const app = express();

app.get('/primes/:below', async (request, response) => {
  const below = Number(request.params.below);
  // Aborted when the browser goes away, so that nobody counts for nothing.
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const call = pool.with({ signal: gone.signal, queueTimeoutMs: 5_000, timeoutMs: 10_000 });
  response.json({ below, count: await call.run(countPrimes, below) });
});

app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
  if (response.destroyed) return;
  if (!(error instanceof PoolError)) response.status(400).json({ error: String(error) });
  else response.status(statusOf(error)).json({ error: error.message, code: error.code });
});

/** Too much to do is 503, too slow is 504, all else is our fault. */
function statusOf({ code }: PoolError): number {
  if (code === 'queue-timeout' || code === 'unavailable') return 503;
  return code === 'timeout' ? 504 : 500;
}

/** Runs on a worker, so it uses nothing from around it. */
function countPrimes(below: number): number {
  if (!(below <= 10_000_000)) throw new RangeError('expected a number up to 10,000,000');
  let count = 0;
  for (let number = 2; number < below; number++) {
    let isPrime = true;
    for (let divisor = 2; isPrime && divisor * divisor <= number; divisor++) {
      isPrime = number % divisor !== 0;
    }
    if (isPrime) count += 1;
  }
  return count;
}

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log('listening', server.address());
});
process.once('SIGTERM', () => {
  server.close(() => void pool.close());
});
