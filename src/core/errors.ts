/** Every code a {@link PoolError} can have. docs/errors.md gives the cause and the remedy of each. */
export const ERROR_CODES = [
  'unavailable',
  'unauthenticated',
  'permission-denied',
  'not-allowed',
  'invalid-argument',
  'not-shippable',
  'not-cloneable',
  'too-large',
  'queue-full',
  'queue-timeout',
  'timeout',
  'deadline-exceeded',
  'cancelled',
  'worker-lost',
  'lease-lost',
  'setup-failed',
  'poison',
  'exited',
  'out-of-memory',
  'code-unknown',
  'no-worker-fits',
  'version-mismatch',
  'result-dropped',
  'not-found',
  'closed',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export function isErrorCode(text: string): text is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(text);
}

export interface PoolErrorOptions {
  cause?: unknown;
  /** Whether the function's code may have begun. Default false. */
  mayHaveRun?: boolean;
}

/**
 * The one error class of offhand. Branch on `code`, read `message`, follow `cause`. What a function itself throws is
 * not wrapped: it arrives as it was thrown.
 */
export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly code: ErrorCode;
  /** True when the function's code may have begun; false when it certainly has not. */
  readonly mayHaveRun: boolean;

  constructor(code: ErrorCode, message: string, options: PoolErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.mayHaveRun = options.mayHaveRun ?? false;
  }
}

/** The same, of which nobody can rule out any more that the function has run. */
export function thatMayHaveRun(reason: unknown): unknown {
  if (!(reason instanceof PoolError) || reason.mayHaveRun) return reason;
  return new PoolError(reason.code, reason.message, { cause: reason.cause, mayHaveRun: true });
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return 'something that has no words';
  }
}
