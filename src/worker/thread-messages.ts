import type { ErrorCode } from '../core/errors.js';
import type { Credentials } from '../wire/credentials.js';
import type { NamedFunction } from '../wire/functions/named.js';
import type { Outcome } from '../wire/outcome.js';
import type { Payload } from '../wire/values/payload.js';
import type { PutContent } from '../wire/values/put.js';
import type { CalledFunction } from './called-function.js';
import type { AskedPut } from './put-store.js';
import type { SlotPlace } from './slot-place.js';
import type { Stray } from './strays.js';

/** What every thread of a worker is started with in which tasks run. */
export interface SceneSettings {
  workerId: string;
  /** By which people know it. */
  worker: string;
  /** Absolute path of the folder from which tasks import and require. */
  moduleFolder: string;
  /** Whether what tasks print is wanted here, for a log. */
  keepsOutput: boolean;
  /** How much each attempt may print. */
  maxOutputBytes: number;
  /** Those that may run; any where undefined. */
  functions: readonly NamedFunction[] | undefined;
  /** File of who ran what; nobody keeps that where undefined. */
  auditLog: string | undefined;
}

/** What the thread of a slot is started with. */
export interface ThreadSettings extends SceneSettings {
  slot: number;
  /** Of the slot's board. */
  board: SharedArrayBuffer;
  /** Of its ledger. */
  ledger: SharedArrayBuffer;
  place: SlotPlace;
  credentials: Credentials;
  /** How much memory it may use for JavaScript objects; as much as V8 allows where undefined. */
  maxHeapBytes: number | undefined;
  /** Checks leases; undefined until the worker is attached. */
  signingKey: Uint8Array | undefined;
}

/** What a unary call has its slot run. */
export interface UnaryTask extends CalledFunction {
  /** Of the lease that it runs under. */
  epoch: number;
  args: Payload;
  taskId: string;
  /** The name that its caller goes by. */
  caller: string;
}

/** Something that a task tells while it runs, or that happens when it has ended. */
export interface TaskNews {
  taskId: string;
  attempt: number;
  /** Whose task it is, and which one of that; empty where nobody can follow it. */
  client: string;
  serial: number;
  what:
    | { kind: 'progress'; fraction: number; note: string | undefined }
    | { kind: 'printed'; text: string; isError: boolean; isSent: boolean }
    /** After its end, so that it is nobody's outcome. */
    | { kind: 'late'; words: string };
}

/** What a slot sends to its thread. */
export type ThreadOrder =
  | { type: 'key'; signingKey: Uint8Array }
  /** A value that the thread has asked for; or why it cannot be had; or that it is needed no more. */
  | { type: 'put'; id: string; content: PutContent }
  | { type: 'no-put'; id: string; code: ErrorCode; message: string }
  | { type: 'drop'; id: string }
  /** Ask all clients to hang up. */
  | { type: 'hang-up' }
  /** Run one unary call, known by its number. */
  | { type: 'run'; call: number; task: UnaryTask }
  /** Tell the task that it is to end. */
  | { type: 'abort'; epoch: number; number: number; code: ErrorCode; message: string };

/** What the thread sends back. */
export type ThreadMessage =
  /** It listens: on this port, where it does so on a port. */
  | { type: 'ready'; port: number }
  /** A task that has a time limit begins; without one, what had that number has ended before the task of that number begins. */
  | { type: 'begun'; epoch: number; number: number; timeoutMs: number | undefined }
  | { type: 'news'; news: TaskNews }
  /** A task refers to a value that the thread does not have; or the thread has come by one. */
  | { type: 'wanted'; asked: AskedPut }
  /** Nobody caught this error of the task that runs; the thread ends. */
  | { type: 'stray'; stray: Stray }
  /** Nothing runs, and the lease that was last is over. */
  | { type: 'idle' }
  /** All clients have hung up. */
  | { type: 'parted' }
  /** A unary call has its outcome. */
  | { type: 'settled'; call: number; outcome: Outcome };

/** User code can post to the same port; whether this is one of ours. */
export function isThreadMessage(message: Partial<ThreadMessage> | null): message is ThreadMessage {
  if (typeof message !== 'object' || message === null) return false;
  switch (message.type) {
    case 'ready':
      return typeof message.port === 'number';
    case 'settled':
      return typeof message.outcome === 'object';
    case 'news':
      return typeof message.news === 'object';
    case 'stray':
      return typeof message.stray === 'object';
    case 'wanted':
      return typeof message.asked === 'object';
    case 'begun':
    case 'idle':
    case 'parted':
      return true;
    default:
      return false;
  }
}
