import type { ErrorCode } from '../core/errors.js';
import type { Failure as FailureMessage } from './generated/offhand/v1/Failure.js';
import type { RunCodeResponse } from './generated/offhand/v1/RunCodeResponse.js';
import { bufferOf } from './values/buffer.js';
import type { Encoding, Payload } from './values/payload.js';

/** Why an attempt ended badly, as it is recorded and sent. */
export interface Failure {
  /** `thrown` when the function itself threw; then `error` holds what it threw. */
  code: ErrorCode | 'thrown';
  message: string;
  name?: string;
  stack?: string;
  mayHaveRun: boolean;
  error?: Payload;
}

/** How an attempt ended. */
export type Outcome =
  { kind: 'result'; result: Payload; runMs: number } | { kind: 'failure'; failure: Failure; runMs: number };

export function outcomeToMessage(outcome: Outcome): RunCodeResponse {
  const { runMs } = outcome;
  if (outcome.kind === 'result') return { runMs, result: bytesOf(outcome.result) };
  return { runMs, failure: failureToMessage(outcome.failure) };
}

export function failureToMessage({ error, ...failure }: Failure): FailureMessage {
  return error ? { ...failure, error: bytesOf(error) } : failure;
}

/** The same bytes, as messages take them. */
export function bytesOf({ encoding, data }: Payload): { encoding: Encoding; data: Buffer } {
  return { encoding, data: bufferOf(data) };
}
