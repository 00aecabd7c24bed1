// The thread of one slot: the only place in a worker where user code runs. Streams of tasks come straight to it.
import { parentPort, resourceLimits, workerData } from 'node:worker_threads';
import { createGrpcServer } from '../wire/grpc-server.js';
import { readLease } from '../wire/lease-token.js';
import { slotService } from '../wire/slot-proto.js';
import { auditOf } from './audit.js';
import { Board } from './board.js';
import { isolation } from './isolation.js';
import { Ledger } from './ledger.js';
import { PutValues } from './thread/put-values.js';
import { SlotService } from './thread/slot-service.js';
import { setScene } from './thread/thread-scene.js';
import type { ThreadMessage, ThreadOrder, ThreadSettings } from './thread-messages.js';
import { UnaryOutbox } from './thread/unary-outbox.js';
import { listenUnheld } from './thread/unheld-listener.js';
import { ValuePuller } from './value-puller.js';

const port = parentPort;
if (!port) throw new Error('slot-thread.js is started by a worker, not by hand');
const settings = workerData as ThreadSettings;
const board = new Board(settings.board);
let { signingKey } = settings;
const tell = (message: ThreadMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
// Without credentials and keys: it is handed on to the threads of single tasks.
const { workerId, worker, moduleFolder, keepsOutput, maxOutputBytes, functions, auditLog } = settings;
const scene = { workerId, worker, moduleFolder, keepsOutput, maxOutputBytes, functions, auditLog };
const audit = auditOf(scene);
const runner = setScene({
  port,
  board,
  settings: scene,
  audit,
  runIsolated: isolation(board, scene, audit, resourceLimits, tell),
});
const puts = new PutValues((asked) => tell({ type: 'wanted', asked }));
const service = new SlotService(
  runner,
  puts,
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
    case 'put':
    case 'no-put':
    case 'drop':
      puts.hear(order);
      break;
    case 'abort':
      runner.abort(order.epoch, order.number, order.code, order.message);
      break;
    case 'hang-up':
      service.close();
      void listener.close().then(() => tell({ type: 'parted' }));
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
const listener = await listenUnheld(server, settings.place, settings.credentials);
tell({ type: 'ready', port: listener.port });
