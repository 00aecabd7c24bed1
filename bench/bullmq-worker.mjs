// A worker of bench/bullmq.ts: returns what it is given.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const [name, port] = process.argv.slice(2);
const connection = new Redis(Number(port), '127.0.0.1', { maxRetriesPerRequest: null });
const worker = new Worker(name, async (job) => job.data, { connection, concurrency: 100 });
await worker.waitUntilReady();
process.send('ready');
process.on('disconnect', () => process.exit());
