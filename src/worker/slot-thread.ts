// The thread of one slot: the only place in a worker where user code runs. Streams of tasks come straight to it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { createGrpcServer } from '../wire/grpc-server.js';
import { readLease } from '../wire/lease-token.js';
import { slotService } from '../wire/slot-proto.js';
import { Board } from './board.js';
import { FunctionCache } from './function-cache.js';
import { Ledger } from './ledger.js';
import { SlotService } from './slot-service.js';
import { watchStrays } from './strays.js';
import { captureOutput } from './task-output.js';
import { TaskRunner } from './task-runner.js';
import type { ThreadMessage, ThreadOrder, ThreadSettings } from './thread-messages.js';
import { UnaryOutbox } from './unary-outbox.js';
import { listenUnheld } from './unheld-listener.js';
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
const runner = new TaskRunner(board, new FunctionCache(base), tell, {
  workerId: settings.workerId,
  hold: { release: () => port.unref(), take: () => port.ref() },
  tellNews(news) {
    // What nobody keeps or follows need not leave the thread.
    if (news.what.kind === 'printed' && !news.what.isSent && !settings.keepsOutput) return;
    tell({ type: 'news', news });
    board.newsSent();
  },
});
const scopeOf = () => runner.scopes.current;
runner.scopes.provide();
captureOutput((text, isError) => scopeOf()?.print(text, isError) ?? true);
const exit = process.exit.bind(process);
watchStrays(scopeOf, (stray) => {
  tell({ type: 'stray', stray });
  exit(1);
});
process.on('beforeExit', () => runner.nothingLeft());

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
  switch (order.type) {
    case 'key':
      signingKey = order.signingKey;
      break;
    case 'abort':
      runner.abort(order.epoch, order.number, order.code, order.message);
      break;
    case 'run':
      runner.add({
        ...order.task,
        number: order.call,
        count: 1,
        isList: false,
        outbox: new UnaryOutbox(order.call, tell),
      });
  }
});

const server = createGrpcServer(settings.credentials);
server.addService(slotService, service.handlers);
tell({ type: 'ready', port: await listenUnheld(server, settings.place, settings.credentials) });
