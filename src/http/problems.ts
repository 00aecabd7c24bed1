import { STATUS_CODES } from 'node:http';
import { type ErrorCode, messageOf, PoolError } from '../core/errors.js';

/** Problem details (RFC 9457), with our code to branch on. */
export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
}

/** After how long it makes sense to ask again, in s, where it may help. */
const RETRY_AFTER_S: Partial<Record<number, number>> = { 429: 1, 503: 1, 504: 1 };

const STATUS_OF: Record<ErrorCode, number> = {
  unavailable: 503,
  unauthenticated: 401,
  'permission-denied': 403,
  'not-allowed': 403,
  'invalid-argument': 400,
  'not-shippable': 400,
  'not-cloneable': 406,
  'too-large': 413,
  'queue-full': 429,
  'queue-timeout': 504,
  timeout: 504,
  'deadline-exceeded': 504,
  cancelled: 409,
  'worker-lost': 503,
  'lease-lost': 503,
  poison: 409,
  exited: 409,
  'setup-failed': 409,
  'out-of-memory': 503,
  'code-unknown': 400,
  'no-worker-fits': 409,
  'version-mismatch': 400,
  'result-dropped': 410,
  'not-found': 404,
  closed: 503,
  internal: 500,
};

/** What the framework itself refuses, by status. */
const CODE_OF: Partial<Record<number, ErrorCode>> = {
  400: 'invalid-argument',
  404: 'not-found',
  408: 'deadline-exceeded',
  413: 'too-large',
  414: 'too-large',
  415: 'invalid-argument',
  421: 'permission-denied',
  429: 'queue-full',
  431: 'too-large',
};

/** An error that has a status of its own. */
export class HttpError extends PoolError {
  readonly statusCode: number;

  constructor(statusCode: number, code: ErrorCode, message: string) {
    super(code, message);
    this.statusCode = statusCode;
  }
}

/** The framework's word for a body beyond the limit, which does not say what that is. */
export function isBodyTooLarge(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'FST_ERR_CTP_BODY_TOO_LARGE';
}

export function bodyTooLarge(maxBytes: number): HttpError {
  return new HttpError(
    413,
    'too-large',
    `the body has more than ${maxBytes.toLocaleString('en')} bytes; \`offhand server --http-max-body\` sets how many it may have`,
  );
}

/** What a request that failed is answered. What was not expected becomes `internal`, and its words stay in the log. */
export function problemOf(error: unknown): Problem {
  const given = (error as { statusCode?: unknown } | undefined)?.statusCode;
  const known = typeof given === 'number' ? CODE_OF[given] : undefined;
  if (error instanceof PoolError)
    return problem(typeof given === 'number' ? given : STATUS_OF[error.code], error.code, error.message);
  if (given === 415)
    return problem(415, 'invalid-argument', 'send the body as JSON, with "content-type: application/json"');
  if (known !== undefined) return problem(Number(given), known, messageOf(error));
  return problem(500, 'internal', 'something went wrong here; the log of the coordinator says what');
}

/** The headers that go along. */
export function headersOf({ status }: Problem): Record<string, string> {
  const seconds = RETRY_AFTER_S[status];
  return {
    ...(seconds !== undefined && { 'retry-after': String(seconds) }),
    ...(status === 401 && { 'www-authenticate': 'Bearer realm="offhand"' }),
  };
}

function problem(status: number, code: ErrorCode, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}
