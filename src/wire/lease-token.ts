import { createHmac, timingSafeEqual } from 'node:crypto';
import { workerId } from '../core/ids.js';
import type { LeaseKey } from '../core/scheduler/lease.js';

/** A lease as its signed text says. */
export interface SignedLease extends LeaseKey {
  ttlMs: number;
}

/** Writes a lease down such that a worker that has the key can check it by itself: `worker.slot.epoch.ttl.signature`. */
export function signLease(lease: SignedLease, key: Uint8Array): string {
  const body = `${lease.worker}.${lease.slot}.${lease.epoch}.${lease.ttlMs}`;
  return `${body}.${signature(body, key).toString('base64url')}`;
}

/** The lease, or undefined when the text was not signed with this key. */
export function readLease(text: string, key: Uint8Array): SignedLease | undefined {
  const end = text.lastIndexOf('.');
  const body = text.slice(0, Math.max(end, 0));
  const given = Buffer.from(text.slice(end + 1), 'base64url');
  const expected = signature(body, key);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const [worker = '', slot, epoch, ttlMs] = body.split('.');
  return { worker: workerId(worker), slot: Number(slot), epoch: Number(epoch), ttlMs: Number(ttlMs) };
}

function signature(body: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(body).digest();
}
