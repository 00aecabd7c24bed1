import type { TaskOutcomes } from '../wire/generated/offhand/v1/TaskOutcomes.js';
import { bytesOf } from '../wire/outcome.js';
import { encodePayload, type Encoding } from '../wire/values/payload.js';

/** Results that wait to be sent may take up this much, in bytes: two of these per slot. */
const HALF_BYTES = 64 * 1024;
/** In front of each half: how much of it is written (4 bytes), and the epoch that it is of (8 bytes). */
const HEADER_BYTES = 16;
/** In front of each result: number, time spent running, kind, length. */
const ENTRY_BYTES = 8 + 8 + 1 + 4;

const Kind = {
  Undefined: 0,
  Null: 1,
  True: 2,
  False: 3,
  Number: 4,
  BigInt: 5,
  String: 6,
  V8: 7,
  Json: 8,
} as const;
type Kind = (typeof Kind)[keyof typeof Kind];

/**
 * Results that have not been sent yet, in shared memory, so that the main thread can tell them when the thread of the
 * slot is stuck in the task after them, or was ended in it.
 *
 * Two halves: one fills while the other is on its way.
 */
export class Ledger {
  readonly buffer: SharedArrayBuffer;
  readonly #halves: readonly [Half, Half];
  #filling = 0;
  #turns = 0;

  constructor(buffer = new SharedArrayBuffer(2 * HALF_BYTES)) {
    this.buffer = buffer;
    this.#halves = [new Half(buffer, 0), new Half(buffer, HALF_BYTES)];
  }

  /** Writes a result down; false where there is no room for it. For the thread. */
  note(epoch: number, number: number, value: unknown, runMs: number): boolean {
    return this.#current.write(epoch, number, value, runMs);
  }

  /** The same for one that is encoded. */
  noteEncoded(epoch: number, number: number, encoding: Encoding, data: Uint8Array, runMs: number): boolean {
    return this.#current.writeBytes(epoch, number, encoding === 'V8' ? Kind.V8 : Kind.Json, data, runMs);
  }

  /** What was noted so far goes on its way, as what is returned; the other half is free again. For the thread. */
  turn(): number {
    this.#filling = 1 - this.#filling;
    this.#current.clear();
    return ++this.#turns;
  }

  /** What went on its way then has arrived. For the thread. */
  arrived(turn: number): void {
    if (turn === this.#turns) this.#halves[1 - this.#filling]?.clear();
  }

  /** The results of a lease that may not have arrived. For the main thread. */
  read(epoch: number): TaskOutcomes[] {
    return this.#halves.flatMap((half) => half.read(epoch));
  }

  get #current(): Half {
    return this.#halves[this.#filling] as Half;
  }
}

class Half {
  readonly #length: Int32Array;
  readonly #epoch: Float64Array;
  readonly #bytes: Buffer;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#length = new Int32Array(buffer, offset, 1);
    this.#epoch = new Float64Array(buffer, offset + 8, 1);
    this.#bytes = Buffer.from(buffer, offset + HEADER_BYTES, HALF_BYTES - HEADER_BYTES);
  }

  write(epoch: number, number: number, value: unknown, runMs: number): boolean {
    switch (typeof value) {
      case 'number': {
        const end = this.#begin(epoch, number, Kind.Number, 8, runMs);
        if (end < 0) return false;
        this.#bytes.writeDoubleLE(value, end - 8);
        return this.#commit(end);
      }
      case 'string': {
        const end = this.#begin(epoch, number, Kind.String, 2 * value.length, runMs);
        if (end < 0) return false;
        this.#bytes.write(value, end - 2 * value.length, 'utf16le');
        return this.#commit(end);
      }
      case 'bigint': {
        const digits = value.toString();
        const end = this.#begin(epoch, number, Kind.BigInt, digits.length, runMs);
        if (end < 0) return false;
        this.#bytes.write(digits, end - digits.length, 'latin1');
        return this.#commit(end);
      }
      default: {
        const kind =
          value === undefined
            ? Kind.Undefined
            : value === null
              ? Kind.Null
              : value === true
                ? Kind.True
                : Kind.False;
        const end = this.#begin(epoch, number, kind, 0, runMs);
        return end >= 0 && this.#commit(end);
      }
    }
  }

  writeBytes(epoch: number, number: number, kind: Kind, data: Uint8Array, runMs: number): boolean {
    const end = this.#begin(epoch, number, kind, data.length, runMs);
    if (end < 0) return false;
    this.#bytes.set(data, end - data.length);
    return this.#commit(end);
  }

  clear(): void {
    Atomics.store(this.#length, 0, 0);
  }

  read(epoch: number): TaskOutcomes[] {
    const length = Atomics.load(this.#length, 0);
    if (this.#epoch[0] !== epoch) return [];
    const outcomes: TaskOutcomes[] = [];
    for (let at = 0; at < length;) {
      const bytes = this.#bytes;
      const size = bytes.readUInt32LE(at + 17);
      const start = at + ENTRY_BYTES;
      outcomes.push({
        number: bytes.readDoubleLE(at),
        runMs: bytes.readDoubleLE(at + 8),
        count: 1,
        results: resultOf(bytes.readUInt8(at + 16) as Kind, Buffer.from(bytes.subarray(start, start + size))),
      });
      at = start + size;
    }
    return outcomes;
  }

  /** Where the entry ends, or -1 where it does not fit. */
  #begin(epoch: number, number: number, kind: Kind, size: number, runMs: number): number {
    // What an older lease has left here was kept elsewhere when that ended.
    if (this.#epoch[0] !== epoch) this.clear();
    const at = this.#length[0] ?? 0;
    const end = at + ENTRY_BYTES + size;
    if (end > this.#bytes.length) return -1;
    this.#epoch[0] = epoch;
    this.#bytes.writeDoubleLE(number, at);
    this.#bytes.writeDoubleLE(runMs, at + 8);
    this.#bytes[at + 16] = kind;
    this.#bytes.writeUInt32LE(size, at + 17);
    return end;
  }

  #commit(end: number): true {
    Atomics.store(this.#length, 0, end);
    return true;
  }
}

function resultOf(kind: Kind, data: Buffer): { encoding: Encoding; data: Buffer } {
  if (kind === Kind.V8) return { encoding: 'V8', data };
  if (kind === Kind.Json) return { encoding: 'JSON', data };
  return bytesOf(encodePayload(primitiveOf(kind, data), 'V8', 'the result'));
}

function primitiveOf(kind: Kind, data: Buffer): unknown {
  switch (kind) {
    case Kind.Number:
      return data.readDoubleLE();
    case Kind.String:
      return data.toString('utf16le');
    case Kind.BigInt:
      return BigInt(data.toString('latin1'));
    case Kind.True:
      return true;
    case Kind.False:
      return false;
    case Kind.Null:
      return null;
    default:
      return undefined;
  }
}
