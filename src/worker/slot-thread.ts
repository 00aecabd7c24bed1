// The thread of one slot: the only place in a worker where user code runs. Streams of tasks come straight to it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { bindAddress, createGrpcServer } from '../wire/grpc-server.js';
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
  new ValuePuller(settings.token),
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
      ...order,
      number: order.call,
      count: 1,
      isList: false,
      outbox: new UnaryOutbox(order.call, tell),
    });
});

const server = createGrpcServer(settings.token);
server.addService(slotService, service.handlers);
const bound = await bindAddress(server, settings.address);
tell({ type: 'ready', address: settings.address.replace(/:0$/, `:${bound}`) });
