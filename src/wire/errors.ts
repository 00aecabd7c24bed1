import { Metadata, type ServiceError, status, type StatusObject } from '@grpc/grpc-js';
import { type ErrorCode, isErrorCode, messageOf, PoolError } from '../core/errors.js';

// A status says what kind of thing went wrong, for clients in any language; our own code travels beside it.
const CODE_KEY = 'offhand-code';
const RAN_KEY = 'offhand-may-have-run';

const STATUS_OF: Record<ErrorCode, status> = {
  unavailable: status.UNAVAILABLE,
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'not-allowed': status.PERMISSION_DENIED,
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-shippable': status.INVALID_ARGUMENT,
  'not-cloneable': status.INVALID_ARGUMENT,
  'too-large': status.RESOURCE_EXHAUSTED,
  'queue-full': status.RESOURCE_EXHAUSTED,
  'queue-timeout': status.DEADLINE_EXCEEDED,
  timeout: status.DEADLINE_EXCEEDED,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  'worker-lost': status.UNAVAILABLE,
  'lease-lost': status.NOT_FOUND,
  'setup-failed': status.ABORTED,
  poison: status.ABORTED,
  exited: status.ABORTED,
  'out-of-memory': status.RESOURCE_EXHAUSTED,
  'code-unknown': status.FAILED_PRECONDITION,
  'no-worker-fits': status.FAILED_PRECONDITION,
  'version-mismatch': status.FAILED_PRECONDITION,
  'result-dropped': status.NOT_FOUND,
  'not-found': status.NOT_FOUND,
  closed: status.CANCELLED,
  internal: status.INTERNAL,
};

/** What a handler answers when it fails. What we did not expect becomes `internal`. */
export function toStatus(error: unknown): StatusObject {
  const known = error instanceof PoolError ? error : new PoolError('internal', messageOf(error));
  const metadata = new Metadata();
  metadata.set(CODE_KEY, known.code);
  if (known.mayHaveRun) metadata.set(RAN_KEY, '1');
  return { code: STATUS_OF[known.code], details: known.message, metadata };
}

/** What a failed call means here. `fallback` says how to name an error that carries no code of ours. */
export function fromServiceError(
  error: ServiceError,
  fallback: (error: ServiceError) => PoolError,
): PoolError {
  const code = String(error.metadata?.get(CODE_KEY)[0] ?? '');
  if (!isErrorCode(code)) return fallback(error);
  const mayHaveRun = error.metadata.get(RAN_KEY).length > 0;
  return new PoolError(code, error.details, { cause: error, mayHaveRun });
}

/** Why the other side refused something that was asked for in a message. */
export function poolErrorFrom({ code, message }: { code: string; message: string }): PoolError {
  return new PoolError(isErrorCode(code) ? code : 'internal', message);
}

/** What a call fails with when the way to the other side is cut, or that side ends. */
const CUT: readonly status[] = [status.UNAVAILABLE, status.CANCELLED, status.INTERNAL, status.UNKNOWN];

/** Whether the other side itself said no, so that asking again would not help; else it was not reached. */
export function isAnswer(error: ServiceError): boolean {
  return error.metadata.get(CODE_KEY).length > 0 || !CUT.includes(error.code);
}

/** Whether nobody has answered: the other side is gone, or silent. */
export function isSilence({ code, metadata }: Pick<ServiceError, 'code' | 'metadata'>): boolean {
  if (metadata.get(CODE_KEY).length > 0 || code === status.CANCELLED) return false;
  return CUT.includes(code) || code === status.DEADLINE_EXCEEDED;
}

/** The code that a bare gRPC status stands for. */
export function codeOfStatus(code: status): ErrorCode {
  switch (code) {
    case status.UNAUTHENTICATED:
      return 'unauthenticated';
    case status.PERMISSION_DENIED:
      return 'permission-denied';
    case status.INVALID_ARGUMENT:
      return 'invalid-argument';
    case status.RESOURCE_EXHAUSTED:
      return 'too-large';
    case status.DEADLINE_EXCEEDED:
      return 'deadline-exceeded';
    case status.CANCELLED:
      return 'cancelled';
    case status.UNIMPLEMENTED:
      return 'version-mismatch';
    case status.UNAVAILABLE:
      return 'unavailable';
    default:
      return 'internal';
  }
}
