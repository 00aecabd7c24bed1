// Entry of the thread that a file store's engine runs in: whatever has gathered while one change was written to disk is one change.
import { parentPort, workerData } from 'node:worker_threads';
import { openFiles } from './stores/sqlite-files.js';
import type { StoreAnswer, StoreCall } from './stores/store-calls.js';
import { asFailure, asPoolError } from './stores/store-errors.js';

const port = parentPort;
if (!port) throw new Error('this runs in a thread');

const { folder } = workerData as { folder: string };

try {
  const { tasks, transaction, close } = openFiles(folder);
  let waiting: StoreCall[] = [];
  const work = () => {
    const calls = waiting;
    waiting = [];
    let answers: StoreAnswer[] = [];
    const answer = (call: StoreCall): StoreAnswer => {
      try {
        // Every method refuses before it writes, so that the rest of the transaction stands.
        const callable = tasks as unknown as Record<string, (...args: unknown[]) => unknown>;
        return { number: call.number, value: callable[call.method]?.(...call.args) };
      } catch (error) {
        const known = asPoolError(error);
        if (known) return { number: call.number, failure: asFailure(known, folder) };
        throw error;
      }
    };
    try {
      transaction(() => (answers = calls.map(answer)));
    } catch (error) {
      const failure = asFailure(error, folder);
      answers = calls.map(({ number }) => ({ number, failure }));
    }
    port.postMessage(answers);
  };
  port.on('message', (message: StoreCall[] | 'close') => {
    if (message === 'close') {
      if (waiting.length > 0) work();
      close();
      port.postMessage('closed');
      port.close();
      return;
    }
    if (waiting.length === 0) setImmediate(() => waiting.length > 0 && work());
    waiting.push(...message);
  });
  port.postMessage('open');
} catch (error) {
  port.postMessage(asFailure(error, folder));
  port.close();
}
