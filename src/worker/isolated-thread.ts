// A thread for one task alone, started by the thread of a slot, which stays where its callers reach it.
import { parentPort, workerData } from 'node:worker_threads';
import { auditOf } from './audit.js';
import { Board } from './board.js';
import type { IsolatedTask } from './isolation.js';
import { setScene } from './thread/thread-scene.js';
import type { ThreadMessage } from './thread-messages.js';
import { UnaryOutbox } from './thread/unary-outbox.js';

const port = parentPort;
if (!port) throw new Error('isolated-thread.js is started by the thread of a slot, not by hand');
const { board, settings, job } = workerData as IsolatedTask;
const tell = (message: ThreadMessage, transfer: ArrayBuffer[]) => port.postMessage(message, transfer);
const runner = setScene({
  port,
  board: new Board(board),
  settings,
  audit: auditOf(settings),
  runIsolated: () => Promise.reject(new Error('this thread is isolated already')),
});

port.on('message', (order: { epoch: number; number: number; code: 'cancelled'; message: string }) =>
  runner.abort(order.epoch, order.number, order.code, order.message),
);
runner.add({ ...job, count: 1, isList: false, isolate: false, outbox: new UnaryOutbox(job.number, tell) });
