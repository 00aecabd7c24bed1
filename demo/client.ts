// One client of the demonstration: a process of its own that maps its share of the work over the pool.
import { connect } from 'offhand';
import { FUNCTIONS, type Job } from './jobs.js';

/** What a client tells: a call that ended, and at the end all results in the order of its jobs. */
export type ClientNews = { type: 'progress' } | { type: 'results'; results: unknown[] };

const tell = (news: ClientNews) => new Promise((resolve) => process.send?.(news, resolve));

process.once('message', (jobs: Job[]) => {
  void (async () => {
    await using pool = await connect();
    const run = async ({ kind, argument }: Job) => {
      const result: unknown = await pool.run(FUNCTIONS[kind] as (argument: unknown) => unknown, argument);
      await tell({ type: 'progress' });
      return result;
    };
    // A few calls at a time keep every worker fed; the pool shares them out evenly between the clients.
    const results: unknown[] = [];
    const line = jobs.map((job, index) => ({ job, index }));
    const next = async (): Promise<void> => {
      const item = line.shift();
      if (!item) return;
      results[item.index] = await run(item.job);
      return next();
    };
    await Promise.all(Array.from({ length: 4 }, next));
    // With nobody listening to it any more, the channel does not keep this process alive.
    await tell({ type: 'results', results });
  })();
});
