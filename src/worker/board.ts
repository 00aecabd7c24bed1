import { EndedRing } from './ended-ring.js';

/** A task that runs, as the board shows it. */
export interface RunningTask {
  /** Of the lease it runs under. */
  epoch: number;
  /** Among the tasks of that lease, from 1. */
  number: number;
  /** By which its caller, status and logs know it. */
  taskId: string;
  name: string;
  runningMs: number;
}

const MAX_NAME_BYTES = 256;
const MAX_CLIENT_BYTES = 64;

/** So many pieces of news may be on their way out of a thread before it waits until the main thread has taken half. */
const MAX_NEWS = 1_000;

/** How long it waits for that at most, in ms: a main thread that is stuck is no reason to be stuck as well. */
const NEWS_WAIT_MS = 1_000;

/** To read the bits of a number as the number. */
const BITS = new BigInt64Array(1);
const BITS_AS_NUMBER = new Float64Array(BITS.buffer);

/** In place of the epoch that ended last: nothing begins any more, whatever the lease. */
const CLOSED = 2n ** 62n;

// Places in shared memory, each in the view of its type.
const ADMITTED = 0;
const ENDED = 1;
const RUNNING = 4; // Behind the two epochs, in words of 4 bytes.
const NAME_LENGTH = 5;
const CUT_OFF = 6;
const GRACE_MS = 7;
const NUMBER = 4; // In words of 8 bytes.
const EPOCH = 5;
const BEGUN_AT = 6;
const BUSY = 7;
const COMPLETED = 8;
const FAILED = 9;
const FINISHED_AT = 10;
const SERIAL = 11;
const CLIENT_LENGTH = 24; // In words of 4 bytes.
const NEWS = 25;
const NAME = 104; // In bytes.
const CLIENT = NAME + MAX_NAME_BYTES;
const LENGTH = CLIENT + MAX_CLIENT_BYTES;

/**
 * What the thread of a slot and the main thread of its worker know of each other at any instant, in shared memory: which
 * leases are honoured, what runs, what was done. The thread may be deep in user code, and the main thread still sees what
 * has begun, and decides that nothing more does.
 *
 * Of a lease that the main thread ends and a task that the thread begins at the same instant, either the thread sees that
 * the lease is over, or the main thread sees the task: each writes its own word before it reads the other's.
 */
export class Board {
  readonly buffer: SharedArrayBuffer;
  /** Tasks that have ended, while somebody watches. */
  readonly ended: EndedRing;
  readonly #epochs: BigInt64Array;
  readonly #words: Int32Array;
  readonly #figures: Float64Array;
  /** Of the time spent running: only whole numbers can be read without the compiler reading them just once. */
  readonly #busyBits: BigInt64Array;
  readonly #name: Buffer;
  readonly #client: Buffer;
  /** Makes `performance.now()` of any thread one clock. */
  readonly #clockOffsetMs: number;
  #written: string | undefined;
  #writtenClient: string | undefined;
  #cachedEpoch = 0;
  #cachedBigEpoch = 0n;

  constructor(buffer = new SharedArrayBuffer(LENGTH + EndedRing.LENGTH)) {
    this.buffer = buffer;
    this.ended = new EndedRing(buffer, LENGTH);
    this.#epochs = new BigInt64Array(buffer, 0, 2);
    this.#words = new Int32Array(buffer);
    this.#figures = new Float64Array(buffer, 0, NAME / 8);
    this.#busyBits = new BigInt64Array(buffer, BUSY * 8, 1);
    this.#name = Buffer.from(buffer, NAME, MAX_NAME_BYTES);
    this.#client = Buffer.from(buffer, CLIENT, MAX_CLIENT_BYTES);
    this.#clockOffsetMs = clockOffsetMs();
  }

  /** On one clock for all threads of a process, in ms. */
  now(): number {
    return performance.now() + this.#clockOffsetMs;
  }

  /** The highest epoch heard of. */
  get newest(): number {
    const ended = Atomics.load(this.#epochs, ENDED);
    return Math.max(this.admitted, ended === CLOSED ? 0 : Number(ended));
  }

  /** The epoch of the newest lease seen. */
  get admitted(): number {
    return Number(Atomics.load(this.#epochs, ADMITTED));
  }

  /** Takes note of a lease. False when it is over, older than one seen before, or perhaps over without our having heard. */
  admit(epoch: number): boolean {
    const given = BigInt(epoch);
    for (;;) {
      if (Atomics.load(this.#words, CUT_OFF) === 1) return false;
      const admitted = Atomics.load(this.#epochs, ADMITTED);
      if (given < admitted || given <= Atomics.load(this.#epochs, ENDED)) return false;
      if (Atomics.compareExchange(this.#epochs, ADMITTED, admitted, given) === admitted) return true;
    }
  }

  /** Whether nobody tells which leases are over: then none is admitted. For the main thread. */
  set isCutOff(isCutOff: boolean) {
    Atomics.store(this.#words, CUT_OFF, isCutOff ? 1 : 0);
  }

  /** Nothing more begins under this lease, nor under any before it. For the main thread. */
  end(epoch: number): void {
    const given = BigInt(epoch);
    if (given > Atomics.load(this.#epochs, ENDED)) Atomics.store(this.#epochs, ENDED, given);
  }

  /** Nothing more begins under any lease. For the main thread. */
  close(): void {
    Atomics.store(this.#epochs, ENDED, CLOSED);
  }

  /** Whether a lease is over, because it was ended or because a newer one was seen. */
  isOver(epoch: number): boolean {
    if (epoch !== this.#cachedEpoch) {
      this.#cachedEpoch = epoch;
      this.#cachedBigEpoch = BigInt(epoch);
    }
    const given = this.#cachedBigEpoch;
    return given <= Atomics.load(this.#epochs, ENDED) || given < Atomics.load(this.#epochs, ADMITTED);
  }

  /**
   * A task begins, unless its lease is over: then false. For the thread.
   *
   * @param client whose task it is, and `serial` which one of that: its id. By default the lease and the number in it. With
   * serial 0 `client` is the id.
   */
  begin(epoch: number, number: number, name: string, client = '', serial = number): boolean {
    if (this.isOver(epoch)) return false;
    const lastNumber = this.#figures[NUMBER] ?? 0;
    const lastEpoch = this.#figures[EPOCH] ?? 0;
    this.#figures[NUMBER] = number;
    this.#figures[EPOCH] = epoch;
    const begunAt = this.now();
    this.#figures[BEGUN_AT] = begunAt;
    this.#figures[SERIAL] = serial;
    if (name !== this.#written) this.#writeName(name);
    if (client !== this.#writtenClient) this.#writeClient(client);
    Atomics.store(this.#words, GRACE_MS, 0);
    Atomics.store(this.#words, RUNNING, 1);
    this.#addBusy(-begunAt);
    if (!this.isOver(epoch)) return true;
    this.#addBusy(begunAt);
    this.#figures[NUMBER] = lastNumber;
    this.#figures[EPOCH] = lastEpoch;
    Atomics.store(this.#words, RUNNING, 0);
    return false;
  }

  /**
   * The task that runs has ended. For the thread; and for the main thread, when the thread is gone.
   *
   * @param isCompleted undefined for what counts as neither completed nor failed.
   */
  finish(isCompleted: boolean | undefined): void {
    const figures = this.#figures;
    const now = this.now();
    figures[FINISHED_AT] = now;
    this.#addBusy(now);
    if (isCompleted !== undefined) {
      const count = isCompleted ? COMPLETED : FAILED;
      figures[count] = (figures[count] ?? 0) + 1;
      if (this.ended.isWatched) this.#tellEnded(now, isCompleted);
    }
    Atomics.store(this.#words, RUNNING, 0);
  }

  /** The task that runs has asked for its signal: it may take this long to end once that is aborted. For the thread. */
  heed(graceMs: number): void {
    Atomics.store(this.#words, GRACE_MS, Math.min(Math.ceil(graceMs), 2 ** 31 - 1));
  }

  /** How long the task that runs may take to end by itself, in ms; 0 when it would not even hear that it is to. */
  get graceMs(): number {
    return this.isRunning ? Atomics.load(this.#words, GRACE_MS) : 0;
  }

  /** A piece of news goes on its way; waits while too many are. For the thread. */
  newsSent(): void {
    let onTheWay = Atomics.add(this.#words, NEWS, 1) + 1;
    if (onTheWay < MAX_NEWS) return;
    while (onTheWay > MAX_NEWS / 2) {
      if (Atomics.wait(this.#words, NEWS, onTheWay, NEWS_WAIT_MS) === 'timed-out') return;
      onTheWay = Atomics.load(this.#words, NEWS);
    }
  }

  /** One of them has arrived. For the main thread. */
  newsTaken(): void {
    const left = Atomics.sub(this.#words, NEWS, 1) - 1;
    if (left === MAX_NEWS / 2) Atomics.notify(this.#words, NEWS);
  }

  /** Those on their way were lost with their thread. For the main thread. */
  newsLost(): void {
    Atomics.store(this.#words, NEWS, 0);
  }

  get isRunning(): boolean {
    return Atomics.load(this.#words, RUNNING) === 1;
  }

  /** For how long nothing has run, in ms. */
  get idleMs(): number {
    return this.isRunning ? 0 : Math.max(0, this.now() - (this.#figures[FINISHED_AT] ?? 0));
  }

  get running(): RunningTask | undefined {
    if (!this.isRunning) return undefined;
    const { epoch, number } = this.last;
    return {
      epoch,
      number,
      ...this.#identity,
      runningMs: Math.max(0, this.now() - (this.#figures[BEGUN_AT] ?? 0)),
    };
  }

  /** The task that began last, whether it still runs or not. */
  get last(): { epoch: number; number: number } {
    return { epoch: this.#figures[EPOCH] ?? 0, number: this.#figures[NUMBER] ?? 0 };
  }

  /** Time spent running is in ms, the running task included. */
  get counters(): { busyMs: number; completed: number; failed: number } {
    const figures = this.#figures;
    let bits: bigint;
    let now: number;
    // A task that began or ended between the two looks would be charged with the time from one to the other.
    do {
      bits = Atomics.load(this.#busyBits, 0);
      now = this.now();
    } while (bits !== Atomics.load(this.#busyBits, 0));
    BITS[0] = bits;
    const [busy = 0] = BITS_AS_NUMBER;
    const busyMs = busy < 0 ? Math.max(0, busy + now) : busy;
    return { busyMs, completed: figures[COMPLETED] ?? 0, failed: figures[FAILED] ?? 0 };
  }

  /** Of the task that began last. */
  get #identity(): { taskId: string; name: string } {
    const name = this.#name.toString('utf8', 0, Atomics.load(this.#words, NAME_LENGTH));
    const client = this.#client.toString('utf8', 0, Atomics.load(this.#words, CLIENT_LENGTH));
    const serial = this.#figures[SERIAL] ?? 0;
    return { taskId: serial === 0 ? client : `${client || this.last.epoch}.${serial}`, name };
  }

  /**
   * Time spent running is one word, so that nobody can read half of a change: its sum while nothing runs, and less than
   * zero while something does, by the instant at which the sum would have been zero.
   */
  #addBusy(ms: number): void {
    this.#figures[BUSY] = (this.#figures[BUSY] ?? 0) + ms;
  }

  #tellEnded(now: number, isCompleted: boolean): void {
    const begunAt = this.#figures[BEGUN_AT] ?? 0;
    const runMs = now - begunAt;
    if (this.ended.takes(begunAt, runMs))
      this.ended.note({ ...this.#identity, begunAt, runMs, isFailed: !isCompleted });
  }

  #writeClient(client: string): void {
    this.#writtenClient = client;
    Atomics.store(this.#words, CLIENT_LENGTH, this.#client.write(client));
  }

  #writeName(name: string): void {
    this.#written = name;
    Atomics.store(this.#words, NAME_LENGTH, this.#name.write(name));
  }
}

/**
 * Of the clock that all threads of a process share against that of this thread, in ms. Of several looks at both the quickest
 * counts: one during which the thread lost the processor is wrong by as long, for as long as the thread lives.
 */
function clockOffsetMs(): number {
  let offsetMs = 0;
  let leastMs = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    const before = performance.now();
    const [seconds, nanoseconds] = process.hrtime();
    const after = performance.now();
    if (after - before >= leastMs) continue;
    leastMs = after - before;
    offsetMs = seconds * 1e3 + nanoseconds / 1e6 - (before + after) / 2;
  }
  return offsetMs;
}
