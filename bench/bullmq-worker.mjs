// A worker of bench/bullmq.ts: returns what it is given.
import { Worker } from 'bullmq';

const [name, port] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const worker = new Worker(name, async (job) => job.data, { connection, concurrency: 100 });
await worker.waitUntilReady();
process.send('ready');
process.on('disconnect', () => process.exit());
