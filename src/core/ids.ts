declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** One incarnation of a worker process: new at every start. */
export type WorkerId = Branded<string, 'WorkerId'>;
/** Whoever asks for leases: a client's own id, or its connection where it has none. */
export type ClientId = Branded<string, 'ClientId'>;
/** One wait for a lease. */
export type RequestId = Branded<number, 'RequestId'>;
/** One submitted task, chosen by whoever submits it. */
export type TaskId = Branded<string, 'TaskId'>;
/** SHA-256 of a function's source, in hex. */
export type FunctionId = Branded<string, 'FunctionId'>;

/** What ids of submitted tasks look like. */
export const TASK_ID = /^[0-9A-Za-z]{16,64}$/;

export const workerId = (id: string): WorkerId => id as WorkerId;
export const clientId = (id: string): ClientId => id as ClientId;
export const requestId = (id: number): RequestId => id as RequestId;
export const functionId = (id: string): FunctionId => id as FunctionId;
export const taskId = (id: string): TaskId => id as TaskId;
