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
export { type Reference } from './client/references.js';
export { serializeTask, type SerializeOptions, type SerializeTask } from './client/serialize-task.js';
export { type SubmitOptions } from './client/submit-options.js';
export { type TaskFilter } from './client/task-client.js';
export { type TaskDetails } from './client/task-details.js';
export { type EarlierFailure, type TaskExplanation, type TimePhase } from './client/task-explanation.js';
export { type TaskEvent, type TaskLogLine } from './client/task-events.js';
export { type TaskHandle } from './client/task-handle.js';
export { type TaskState } from './core/queue/task.js';
export { type ErrorCode, PoolError } from './core/errors.js';
export { type CurrentTask } from './wire/functions/current.js';
