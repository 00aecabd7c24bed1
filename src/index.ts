/// <reference types="node" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />

export { connect, type ConnectOptions } from './client/connect.js';
export { type TlsOptions } from './client/tls.js';
export { startPool, type StartPoolOptions } from './client/start-pool.js';
export { type Pool } from './client/pool.js';
export { type WorkerOutcome } from './client/executor.js';
export { type ModuleOptions } from './client/modules/open-module.js';
export { type RemoteModule } from './client/modules/remote-module.js';
export { type CallOptions, type LogLine, type MapOptions } from './client/options.js';
export { type Reference } from './client/shipping/references.js';
export { serializeTask, type SerializeOptions, type SerializeTask } from './client/serialize-task.js';
export { type SubmitOptions } from './client/submitted/submit-options.js';
export { type TaskFilter } from './client/submitted/task-client.js';
export { type TaskDetails } from './client/submitted/task-details.js';
export {
  type EarlierFailure,
  type TaskExplanation,
  type TimePhase,
} from './client/submitted/task-explanation.js';
export { type TaskEvent, type TaskLogLine } from './client/submitted/task-events.js';
export { type TaskHandle } from './client/submitted/task-handle.js';
export { type TaskState } from './core/queue/task.js';
export { type ErrorCode, PoolError } from './core/errors.js';
export { type CurrentTask } from './wire/functions/current.js';
