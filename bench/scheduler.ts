// npm run bench:scheduler: what the scheduler alone decides per second, with many workers and a long line.
import { clientId, requestId, workerId } from '../src/core/ids.js';
import type { LeaseKey } from '../src/core/scheduler/lease.js';
import { Scheduler, type SchedulerEvent } from '../src/core/scheduler/scheduler.js';

const WORKERS = 10_000;
const WAITING = 1_000_000;
const CLIENTS = 100;
const EVENTS = 3_000_000;

const scheduler = new Scheduler();
const live: LeaseKey[] = [];
let now = 0;
let requests = 0;

function tell(event: SchedulerEvent): void {
  now += 0.001;
  for (const command of scheduler.handle(event, now))
    if (command.type === 'grant-lease') live.push(command.lease);
}

function ask(): void {
  requests += 1;
  tell({
    type: 'lease-requested',
    request: requestId(requests),
    wish: { client: clientId(`client-${requests % CLIENTS}`), bySession: false },
  });
}

for (let i = 0; i < WORKERS; i++) {
  tell({ type: 'worker-attached', worker: workerId(`worker-${i}`), rank: i, slots: [{ epoch: 0 }] });
}
for (let i = 0; i < WORKERS + WAITING; i++) ask();

const startedAt = performance.now();
let events = 0;
for (let i = 0; events < EVENTS; i++) {
  const lease = live[i] as LeaseKey;
  tell({ type: 'lease-used', lease, inUse: true, idleMs: 0 });
  tell({ type: 'lease-released', lease });
  tell({ type: 'lease-ended', lease }); // And the slot is granted to whoever is next.
  ask();
  events += 4;
}
const perS = events / ((performance.now() - startedAt) / 1_000);
console.log(
  `${WORKERS.toLocaleString('en')} workers, ${scheduler.waiting.toLocaleString('en')} waiting: ` +
    `${Math.round(perS).toLocaleString('en')} events/s, ${Math.round(perS / 4).toLocaleString('en')} of them grants`,
);
