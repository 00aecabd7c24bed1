// The thread of one slot: the only place in a worker where user code runs.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { Outcome } from '../wire/outcome.js';
import { Executor } from './execute.js';
import type { ThreadCall, ThreadMessage } from './thread-messages.js';

const base = join(process.cwd(), 'offhand-task.js');
const port = parentPort;
if (!port) throw new Error('slot-thread.js is started by a worker, not by hand');

// Functions come without their imports: `require` and `import()` inside them resolve from the worker's working folder.
Object.defineProperty(globalThis, 'require', {
  value: createRequire(base),
  configurable: true,
  writable: true,
});

const executor = new Executor(base);
const send = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

port.on('message', (message: ThreadCall) => {
  const { call } = message;
  void executor
    .execute(message, () => send({ type: 'begun', call }))
    .then((outcome) => send({ type: 'settled', call, outcome: own(outcome) }, buffersOf(outcome)));
});
send({ type: 'ready' });

/** Small buffers share one pool, which cannot change hands: those are copied, the others move. */
function own(outcome: Outcome): Outcome {
  const payload = outcome.kind === 'result' ? outcome.result : outcome.failure.error;
  if (payload && payload.data.byteLength !== payload.data.buffer.byteLength)
    payload.data = new Uint8Array(payload.data);
  return outcome;
}

function buffersOf(outcome: Outcome): ArrayBuffer[] {
  const payload = outcome.kind === 'result' ? outcome.result : outcome.failure.error;
  return payload ? [payload.data.buffer as ArrayBuffer] : [];
}
