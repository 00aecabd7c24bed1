import { describe, expect, test } from '@jest/globals';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ERROR_CODES, PoolError } from '../../src/core/errors.js';
import { codeOfStatus, fromServiceError, toStatus } from '../../src/wire/errors.js';
import type { StatusDocument__Output } from '../../src/wire/generated/offhand/v1/StatusDocument.js';
import { outcomeToMessage } from '../../src/wire/outcome.js';
import { poolStatusFrom } from '../../src/wire/status-document.js';

/** A status as the other side sees it. */
function received(sent: unknown): ServiceError {
  return Object.assign(new Error('14 UNAVAILABLE: as grpc words it'), toStatus(sent));
}
const never = () => {
  throw new Error('the fallback was asked');
};

describe('errors on their way', () => {
  test.each(ERROR_CODES)('%s keeps code, message and whether it may have run', (code) => {
    for (const mayHaveRun of [true, false]) {
      const arrived = fromServiceError(received(new PoolError(code, 'füll text', { mayHaveRun })), never);
      expect(arrived).toBeInstanceOf(PoolError);
      expect(arrived).toMatchObject({ code, message: 'füll text', mayHaveRun });
    }
  });

  test('are canonical statuses for clients in other languages', () => {
    const statusOf = (code: (typeof ERROR_CODES)[number]) => toStatus(new PoolError(code, 'x')).code;
    expect(statusOf('unauthenticated')).toBe(status.UNAUTHENTICATED);
    expect(statusOf('too-large')).toBe(status.RESOURCE_EXHAUSTED);
    expect(statusOf('queue-timeout')).toBe(status.DEADLINE_EXCEEDED);
    expect(statusOf('lease-lost')).toBe(status.NOT_FOUND);
    expect(statusOf('invalid-argument')).toBe(status.INVALID_ARGUMENT);
    expect(ERROR_CODES.map(statusOf)).not.toContain(status.OK);
  });

  test('that nobody expected are `internal`', () => {
    expect(fromServiceError(received(new TypeError('oops')), never)).toMatchObject({
      code: 'internal',
      message: 'oops',
    });
    expect(fromServiceError(received('only text'), never)).toMatchObject({
      code: 'internal',
      message: 'only text',
    });
  });

  test('without a code of ours are named by the caller', () => {
    const bare = Object.assign(new Error('x'), {
      code: status.UNAVAILABLE,
      details: 'x',
      metadata: new Metadata(),
    });
    const named = new PoolError('worker-lost', 'named');
    expect(fromServiceError(bare, () => named)).toBe(named);
    bare.metadata.set('offhand-code', 'no-such-code');
    expect(fromServiceError(bare, () => named)).toBe(named);
  });

  test('a bare status has a code of ours', () => {
    expect(codeOfStatus(status.UNAVAILABLE)).toBe('unavailable');
    expect(codeOfStatus(status.UNIMPLEMENTED)).toBe('version-mismatch');
    expect(codeOfStatus(status.DATA_LOSS)).toBe('internal');
  });
});

describe('outcomes on their way', () => {
  test('carry their bytes, also those that are a part of a larger buffer', () => {
    const data = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    const message = outcomeToMessage({ kind: 'result', result: { encoding: 'V8', data }, runMs: 1.5 });
    expect(message).toEqual({ runMs: 1.5, result: { encoding: 'V8', data: Buffer.from([1, 2]) } });
  });

  test('a failure has an error only when something was thrown', () => {
    const failure = { code: 'timeout' as const, message: 'x', mayHaveRun: true };
    expect(outcomeToMessage({ kind: 'failure', failure, runMs: 2 })).toEqual({ runMs: 2, failure });
    const error = { encoding: 'JSON' as const, data: new Uint8Array([48]) };
    expect(
      outcomeToMessage({ kind: 'failure', failure: { ...failure, code: 'thrown', error }, runMs: 2 }),
    ).toEqual({
      runMs: 2,
      failure: { ...failure, code: 'thrown', error: { encoding: 'JSON', data: Buffer.from('0') } },
    });
  });
});

describe('the status document', () => {
  const worker = {
    worker: 'worker-1',
    host: '127.0.0.1',
    port: 5001,
    pid: 7,
    phase: 'running',
    slots: 2,
    busy: true,
  };
  const counters = { completed: 3, failed: 1, deaths: 2, tags: ['gpu'], version: '1.2.3' };
  const usage = { cpuMs: 20, uptimeMs: 30, rssBytes: 40 };
  const usageDocument = { cpu_ms: 20, uptime_ms: 30, rss_bytes: 40 };

  test('has the names that are fixed, and null where nobody knows', () => {
    const document: StatusDocument__Output = {
      workers: [
        {
          ...worker,
          ...counters,
          ...usage,
          tasks: [{ taskId: 't', name: 'f', runningMs: 5, leaseEpoch: 7 }],
        },
        {
          ...worker,
          ...counters,
          ...usage,
          tasks: [{ taskId: 'u', name: 'g', runningMs: 0, remainingMs: 0, leaseEpoch: 7 }],
        },
      ],
      queue: { pending: 4, tasks: [] },
      wanted: 3,
      httpAddress: 'http://127.0.0.1:5000',
      policy: 'first-free',
      code: 'any',
    };
    expect(poolStatusFrom(document)).toEqual({
      workers: [
        {
          ...worker,
          ...counters,
          ...usageDocument,
          tasks: [{ task_id: 't', name: 'f', running_ms: 5, remaining_ms: null }],
        },
        {
          ...worker,
          ...counters,
          ...usageDocument,
          tasks: [{ task_id: 'u', name: 'g', running_ms: 0, remaining_ms: 0 }],
        },
      ],
      queue: { pending: 4, tasks: [] },
      wanted: 3,
      http_address: 'http://127.0.0.1:5000',
      policy: 'first-free',
      code: 'any',
    });
  });

  test('of an empty pool is empty', () => {
    expect(
      poolStatusFrom({ workers: [], queue: null, wanted: 0, httpAddress: '', policy: '', code: '' }),
    ).toEqual({
      workers: [],
      queue: { pending: 0, tasks: [] },
      wanted: 0,
      http_address: null,
      policy: '',
      code: '',
    });
  });
});
