// What a server needs of the queue.
export { openQueue, QUEUE_CLIENT, startQueue } from './open.js';
export { Intake } from './intake.js';
export { queueHandlers } from './service.js';
export { noSuchTask, outcomeDropped } from './refusals.js';
export { type TaskQueue } from './task-queue.js';
