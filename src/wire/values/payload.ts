import { PoolError } from '../../core/errors.js';
import { decodeClone, encodeClone } from './clone.js';
import { decodeJson, encodeJson } from './json.js';
import { checkSize } from './size-limit.js';

export type Encoding = 'V8' | 'JSON';

/** A value on its way: opaque to all but the two ends. */
export interface Payload {
  encoding: Encoding;
  data: Uint8Array;
}

/** @throws PoolError `not-cloneable`, naming the path to the part that cannot be sent; `too-large` */
export function encodePayload(value: unknown, encoding: Encoding, label: string): Payload {
  const data = encoding === 'V8' ? encodeClone(value, label) : encodeJson(value, label);
  checkSize(data.length, label);
  return { encoding, data };
}

/** @throws PoolError `invalid-argument` when the payload is damaged or of an unknown encoding. */
export function decodePayload(payload: Payload): unknown {
  return payload.encoding === 'V8' ? decodeClone(payload.data) : decodeJson(payload.data);
}

/** A payload as it came in a message. @throws PoolError `invalid-argument` for an encoding nobody knows, `too-large` */
export function payloadFrom(
  message: { encoding?: unknown; data?: Uint8Array | string } | null | undefined,
  field: string,
): Payload {
  const encoding = message?.encoding;
  if (encoding !== 'V8' && encoding !== 'JSON') {
    const given = encoding === undefined ? 'nothing' : JSON.stringify(encoding);
    throw new PoolError('invalid-argument', `${field}.encoding: expected V8 or JSON, got ${given}`);
  }
  const data = message?.data instanceof Uint8Array ? message.data : Buffer.alloc(0);
  checkSize(data.length, field);
  return { encoding, data };
}
