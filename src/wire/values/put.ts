import { PoolError } from '../../core/errors.js';
import { decodeClone, encodeClone, isViewType, putMemory, viewOf, type ViewType, viewType } from './clone.js';
import { checkSize } from './size-limit.js';
import { isDetached } from './uncloneable.js';

/** An encoded value, else the bytes of a view of this type. */
type Form = 'V8' | ViewType;

/** A value that was put, in memory that threads share. */
export interface PutContent {
  form: Form;
  bytes: SharedArrayBuffer;
}

/** A value that a task refers to, as it is known to whoever does not have it. */
export interface WantedPut {
  id: string;
  form: Form;
}

/** @throws PoolError `not-cloneable`, naming the path to the part that cannot be sent; `too-large` */
export function putContent(value: unknown, label: string): PutContent {
  // What is detached has no bytes to take: it is refused like any other value that cannot be copied.
  if (!ArrayBuffer.isView(value) || isDetached(value))
    return { form: 'V8', bytes: shared(encodeClone(value, label), label) };
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return { form: viewType(value), bytes: shared(bytes, label) };
}

/** The same bytes in memory that threads share. @throws PoolError `too-large` */
export function shared(bytes: Uint8Array, label: string): SharedArrayBuffer {
  checkSize(bytes.length, label);
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}

/** What this thread has made of such memory: all of its tasks have the same. */
const values = new WeakMap<SharedArrayBuffer, { value: unknown }>();

/** The value itself. Bytes are not copied: it is a view of what all threads see. @throws PoolError `invalid-argument` */
export function readPut({ form, bytes }: PutContent): unknown {
  let read = values.get(bytes);
  if (!read) {
    read = {
      value: form === 'V8' ? decodeClone(new Uint8Array(bytes)) : viewOf(form, bytes, 0, bytes.byteLength),
    };
    putMemory.add(bytes);
    values.set(bytes, read);
  }
  return read.value;
}

/** Checks what came by wire. @throws PoolError `invalid-argument`, naming the field. */
export function wantedFrom({ id, form }: { id: string; form: string }): WantedPut {
  if (!/^[0-9a-f]{32}$/.test(id))
    throw new PoolError(
      'invalid-argument',
      `put.id: expected 32 hexadecimal digits, got ${JSON.stringify(id)}`,
    );
  if (form === 'V8' || isViewType(form)) return { id, form };
  throw new PoolError(
    'invalid-argument',
    `put.form: expected V8 or the name of a view, got ${JSON.stringify(form)}`,
  );
}
