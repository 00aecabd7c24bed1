import { PoolError } from '../../core/errors.js';
import { decodeClone, encodeClone } from './clone.js';
import { decodeJson, encodeJson } from './json.js';

export type Encoding = 'V8' | 'JSON';

/** A value on its way: opaque to all but the two ends. */
export interface Payload {
  encoding: Encoding;
  data: Uint8Array;
}

/** Largest payload, in bytes. */
export const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024;

/**
 * @throws PoolError `not-cloneable`, naming the path to the part that cannot be sent; `too-large` above
 * {@link MAX_PAYLOAD_BYTES}.
 */
export function encodePayload(value: unknown, encoding: Encoding, label: string): Payload {
  const data = encoding === 'V8' ? encodeClone(value, label) : encodeJson(value, label);
  if (data.length <= MAX_PAYLOAD_BYTES) return { encoding, data };
  const size = `${(data.length / 2 ** 20).toFixed(0)} MiB`;
  throw new PoolError(
    'too-large',
    `${label}: ${size} is more than the ${MAX_PAYLOAD_BYTES / 2 ** 20} MiB that can be sent`,
  );
}

/** @throws PoolError `invalid-argument` when the payload is damaged or of an unknown encoding. */
export function decodePayload(payload: Payload): unknown {
  return payload.encoding === 'V8' ? decodeClone(payload.data) : decodeJson(payload.data);
}

/** A payload as it came in a message. @throws PoolError `invalid-argument` for an encoding nobody knows. */
export function payloadFrom(
  message: { encoding?: unknown; data?: Uint8Array | string } | null | undefined,
  field: string,
): Payload {
  const encoding = message?.encoding;
  if (encoding !== 'V8' && encoding !== 'JSON') {
    const given = encoding === undefined ? 'nothing' : JSON.stringify(encoding);
    throw new PoolError('invalid-argument', `${field}.encoding: expected V8 or JSON, got ${given}`);
  }
  const data = message?.data;
  return { encoding, data: data instanceof Uint8Array ? data : Buffer.alloc(0) };
}

/** @throws PoolError `invalid-argument` when the payload does not hold an array. */
export function decodeArguments(payload: Payload): unknown[] {
  const args = decodePayload(payload);
  if (Array.isArray(args)) return args;
  throw new PoolError(
    'invalid-argument',
    `arguments: expected an array, got ${args === null ? 'null' : typeof args}`,
  );
}
