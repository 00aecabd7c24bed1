// The thread of one slot: the only place in a worker where user code runs. Streams of tasks come straight to it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { bindAddress, bindFirstFree, createGrpcServer, silenceGrpc } from '../wire/grpc-server.js';
import { readLease } from '../wire/lease-token.js';
import { slotService } from '../wire/slot-proto.js';
import { Board } from './board.js';
import { FunctionCache } from './function-cache.js';
import { Ledger } from './ledger.js';
import { SlotService } from './slot-service.js';
import { TaskRunner } from './task-runner.js';
import type { ThreadMessage, ThreadOrder, ThreadSettings } from './thread-messages.js';
import { UnaryOutbox } from './unary-outbox.js';
import { ValuePuller } from './value-puller.js';

const port = parentPort;
if (!port) throw new Error('slot-thread.js is started by a worker, not by hand');
const settings = workerData as ThreadSettings;
const base = join(process.cwd(), 'offhand-task.js');

// Functions come without their imports: `require` and `import()` inside them resolve from the worker's working folder.
Object.defineProperty(globalThis, 'require', {
  value: createRequire(base),
  configurable: true,
  writable: true,
});

const board = new Board(settings.board);
let { signingKey } = settings;
const tell = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const runner = new TaskRunner(board, new FunctionCache(base), tell);
const service = new SlotService(
  runner,
  new Ledger(settings.ledger),
  new ValuePuller(settings.credentials),
  (token) => {
    const lease = signingKey && readLease(token, signingKey);
    const isOurs = lease?.worker === settings.workerId && lease.slot === settings.slot;
    return isOurs && board.admit(lease.epoch) ? lease.epoch : undefined;
  },
);

port.on('message', (order: ThreadOrder) => {
  if (order.type === 'key') signingKey = order.signingKey;
  else
    runner.add({
      ...order.task,
      number: order.call,
      count: 1,
      isList: false,
      outbox: new UnaryOutbox(order.call, tell),
    });
});

// A port that is taken is expected here and no news for anybody's terminal.
silenceGrpc();
const server = createGrpcServer(settings.credentials);
server.addService(slotService, service.handlers);
tell({ type: 'ready', port: await listen(settings) });

async function listen({ place, credentials }: ThreadSettings): Promise<number> {
  if (place.kind === 'socket') return bindAddress(server, place.address, credentials);
  const bound = await bindFirstFree(server, place, credentials);
  if (bound !== undefined) return bound;
  const [last, first] = [place.ports[0], place.ports.at(-1)];
  throw new Error(
    `no port from ${first} to ${last} is free for a slot; give another range with --worker-ports`,
  );
}
