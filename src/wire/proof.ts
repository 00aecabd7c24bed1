import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CoordinatorPlace } from './process-messages.js';

/** What answers on a port where somebody looks for the other. */
export type Role = 'coordinator' | 'worker';

const NONCE_BYTES = 32;

export function newNonce(): Buffer {
  return randomBytes(NONCE_BYTES);
}

export function isNonce(bytes: Uint8Array): boolean {
  return bytes.length === NONCE_BYTES;
}

/**
 * Shows the caller of `Discovery.Meet` that this side knows the token.
 *
 * @param token of a pool without authentication: none, and the proof shows nothing.
 * @param port that this side listens on: whoever passes on the proof of another listens elsewhere.
 */
export function meetProof(
  token: string | undefined,
  { role, port, asked, own }: { role: string; port: number; asked: Uint8Array; own: Uint8Array },
): Buffer {
  return proofOf(token, ['offhand/meet', role, String(port), asked, own]);
}

/** Shows a worker that the coordinator which takes it on knows the token. @param nonce the worker's. */
export function adoptProof(
  token: string | undefined,
  nonce: Uint8Array,
  { host, port, certifiedFor }: CoordinatorPlace,
): Buffer {
  return proofOf(token, ['offhand/adopt', nonce, host, String(port), certifiedFor]);
}

export function isSameProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Every part after its length: no two lists of parts look alike. */
function proofOf(token: string | undefined, parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac('sha256', token ?? '');
  for (const part of parts) {
    const bytes = Buffer.from(part as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hmac.update(length).update(bytes);
  }
  return hmac.digest();
}
