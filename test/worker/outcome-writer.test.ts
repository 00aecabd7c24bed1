import { describe, expect, test } from '@jest/globals';
import type { OutcomeBatch } from '../../src/wire/generated/offhand/v1/OutcomeBatch.js';
import type { TaskOutcomes } from '../../src/wire/generated/offhand/v1/TaskOutcomes.js';
import type { Failure } from '../../src/wire/outcome.js';
import { decodePayload, payloadFrom } from '../../src/wire/values/payload.js';
import { Ledger } from '../../src/worker/ledger.js';
import { OutcomeWriter } from '../../src/worker/thread/outcome-writer.js';

const EPOCH = 1;
const FAILURE: Failure = { code: 'thrown', message: 'no', mayHaveRun: true };

/** A writer, its ledger, and a wire that holds a message until the test says that it is written. */
class Wire {
  readonly ledger = new Ledger();
  readonly batches: OutcomeBatch[] = [];
  readonly writer = new OutcomeWriter(this.ledger, (batch, onWritten) => {
    this.batches.push(batch);
    this.#onWritten = onWritten;
  });
  #onWritten: (() => void) | undefined;

  /** The message under way is written. */
  written(): void {
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    if (!onWritten) throw new Error('nothing is under way');
    onWritten();
  }

  succeed(number: number, value: unknown, runMs = 1): void {
    this.writer.succeeded(EPOCH, number, value, 'V8', runMs);
  }

  /** What one message told, in short. */
  told(index: number): unknown[] {
    return (this.batches[index]?.outcomes ?? []).map(inShort);
  }

  /** Numbers of the results that the main thread could tell. */
  get noted(): number[] {
    return this.ledger.read(EPOCH).map(({ number }) => Number(number));
  }
}

function inShort({ number, count, results, isList, failure, notBegun }: TaskOutcomes): unknown {
  if (notBegun) return { number, count, notBegun };
  if (failure) return { number, count, failure: failure.message };
  return { number, count, isList: isList ?? false, value: decodePayload(payloadFrom(results, 'results')) };
}

describe('what is written', () => {
  test('nothing goes before it is flushed, and nothing where there is nothing', () => {
    const wire = new Wire();
    wire.writer.flush();
    wire.succeed(1, 'a');
    expect([wire.batches, wire.writer.isWriting]).toEqual([[], false]);
    wire.writer.flush();
    expect([wire.batches.length, wire.writer.isWriting]).toEqual([1, true]);
  });

  test('one result goes by itself, with its time', () => {
    const wire = new Wire();
    wire.succeed(4, 'alone', 2.5);
    wire.writer.flush();
    expect(wire.told(0)).toEqual([{ number: 4, count: 1, isList: false, value: 'alone' }]);
    expect(wire.batches[0]?.outcomes?.[0]?.runMs).toBe(2.5);
  });

  test('primitive results in a row share one encoding and the sum of their times', () => {
    const wire = new Wire();
    const values = [1, 'two', undefined, null, 5n, NaN, true];
    for (const [index, value] of values.entries()) wire.succeed(index + 1, value, 0.5);
    wire.writer.flush();
    expect(wire.told(0)).toEqual([{ number: 1, count: values.length, isList: true, value: values }]);
    expect(wire.batches[0]?.outcomes?.[0]?.runMs).toBe(3.5);
  });

  test('large results go in messages of their own, in their order, and count as written with the last', () => {
    const wire = new Wire();
    wire.succeed(1, 'small');
    wire.writer.flush();
    for (const number of [2, 3, 4]) wire.succeed(number, Buffer.alloc(10 * 2 ** 20));
    wire.succeed(5, 'small');
    wire.written();
    const numbers = wire.batches.map(({ outcomes = [] }) => outcomes.map(({ number }) => number));
    expect(numbers).toEqual([[1], [2], [3], [4, 5]]);
    expect(wire.writer.isWriting).toBe(true);
    wire.written();
    expect(wire.writer.isWriting).toBe(false);
  });

  test('a gap in the numbers begins another run', () => {
    const wire = new Wire();
    for (const number of [1, 2, 5, 6, 9]) wire.succeed(number, number);
    wire.writer.flush();
    expect(wire.told(0)).toEqual([
      { number: 1, count: 2, isList: true, value: [1, 2] },
      { number: 5, count: 2, isList: true, value: [5, 6] },
      { number: 9, count: 1, isList: false, value: 9 },
    ]);
  });

  test('an object goes by itself, between the runs around it', () => {
    const wire = new Wire();
    wire.succeed(1, 'a');
    wire.succeed(2, 'b');
    wire.succeed(3, ['an', 'array']);
    wire.succeed(4, { d: new Map([[1, 2]]) });
    wire.succeed(5, 'e');
    wire.writer.flush();
    expect(wire.told(0)).toEqual([
      { number: 1, count: 2, isList: true, value: ['a', 'b'] },
      { number: 3, count: 1, isList: false, value: ['an', 'array'] },
      { number: 4, count: 1, isList: false, value: { d: new Map([[1, 2]]) } },
      { number: 5, count: 1, isList: false, value: 'e' },
    ]);
  });

  test('results in JSON go one by one, primitive or not', () => {
    const wire = new Wire();
    wire.writer.succeeded(EPOCH, 1, 1, 'JSON', 1);
    wire.writer.succeeded(EPOCH, 2, 2, 'JSON', 1);
    wire.writer.flush();
    expect(
      wire.batches[0]?.outcomes?.map(({ results }) => [results?.encoding, String(results?.data)]),
    ).toEqual([
      ['JSON', '1'],
      ['JSON', '2'],
    ]);
  });

  test('failures and tasks that did not begin keep their place among the results', () => {
    const wire = new Wire();
    wire.succeed(1, 'a');
    wire.writer.failed(2, 1, FAILURE, 1);
    wire.succeed(3, 'c');
    wire.writer.notBegun(4, 6);
    wire.writer.flush();
    expect(wire.told(0)).toEqual([
      { number: 1, count: 1, isList: false, value: 'a' },
      { number: 2, count: 1, failure: 'no' },
      { number: 3, count: 1, isList: false, value: 'c' },
      { number: 4, count: 6, notBegun: true },
    ]);
  });

  test('a result that cannot be encoded is refused, and leaves nothing behind', () => {
    const wire = new Wire();
    wire.succeed(1, 'a');
    expect(() => wire.succeed(2, { f: () => 1 })).toThrow(
      expect.objectContaining({ code: 'not-cloneable', message: expect.stringContaining('the result.f') }),
    );
    wire.writer.failed(2, 1, FAILURE, 1);
    wire.writer.flush();
    expect(wire.told(0)).toEqual([
      { number: 1, count: 1, isList: false, value: 'a' },
      { number: 2, count: 1, failure: 'no' },
    ]);
  });
});

describe('while a message is under way', () => {
  test('the next outcomes gather and go in one message when it is written', () => {
    const wire = new Wire();
    wire.succeed(1, 1);
    wire.writer.flush();
    for (const number of [2, 3, 4]) {
      wire.succeed(number, number);
      wire.writer.flush();
    }
    expect([wire.batches.length, wire.writer.isWriting]).toEqual([1, true]);
    wire.written();
    expect(wire.told(1)).toEqual([{ number: 2, count: 3, isList: true, value: [2, 3, 4] }]);
    wire.written();
    expect([wire.batches.length, wire.writer.isWriting]).toEqual([2, false]);
  });

  test('what was not flushed stays when it is written', () => {
    const wire = new Wire();
    wire.succeed(1, 1);
    wire.writer.flush();
    wire.succeed(2, 2);
    wire.written();
    expect([wire.batches.length, wire.writer.isWriting]).toEqual([1, false]);
    wire.writer.flush();
    expect(wire.told(1)).toEqual([{ number: 2, count: 1, isList: false, value: 2 }]);
  });

  test('results stand in the ledger until they are written', () => {
    const wire = new Wire();
    wire.succeed(1, 1);
    wire.succeed(2, { two: 2 });
    expect(wire.noted).toEqual([1, 2]);
    wire.writer.flush();
    wire.succeed(3, 3);
    expect(wire.noted.sort()).toEqual([1, 2, 3]);
    wire.written();
    expect(wire.noted).toEqual([3]);
    wire.writer.flush();
    wire.written();
    expect(wire.noted).toEqual([]);
  });
});

describe('much at once', () => {
  test('goes by itself when it is more than about 256 KiB', () => {
    const wire = new Wire();
    const part = 'x'.repeat(4 * 1024);
    const parts = Array.from({ length: 65 }, () => part);
    parts.forEach((text, index) => wire.succeed(index + 1, text));
    expect(wire.told(0)).toEqual([{ number: 1, count: 65, isList: true, value: parts }]);
    wire.succeed(66, part);
    expect(wire.batches.length).toBe(1);
    wire.written();
    expect(wire.writer.isWriting).toBe(false);
    wire.succeed(67, new Uint8Array(300 * 1024));
    expect(wire.told(1)).toMatchObject([{ number: 66 }, { number: 67, count: 1 }]);
  });

  test('goes when the message before it is written, where one is under way', () => {
    const wire = new Wire();
    wire.succeed(1, 'first');
    wire.writer.flush();
    wire.succeed(2, new Uint8Array(300 * 1024));
    expect(wire.batches.length).toBe(1);
    wire.written();
    expect(wire.told(1)).toMatchObject([{ number: 2, count: 1 }]);
  });
});

describe('what would be lost with the thread must be flushed', () => {
  test('not a result that stands in the ledger, nor a task that did not begin', () => {
    const wire = new Wire();
    wire.succeed(1, 'small');
    wire.succeed(2, { small: true });
    wire.writer.notBegun(3, 1);
    expect(wire.writer.mustFlush).toBe(false);
    wire.writer.flush();
    expect(wire.writer.mustFlush).toBe(false);
  });

  test.each<[string, (wire: Wire) => void]>([
    ['a failure', ({ writer }) => writer.failed(1, 1, FAILURE, 1)],
    ['a string with no room in the ledger', (wire) => wire.succeed(1, 'x'.repeat(70_000))],
    ['an object with no room in the ledger', (wire) => wire.succeed(1, Buffer.alloc(70_000))],
  ])('%s, until it is written', (_, settle) => {
    const wire = new Wire();
    settle(wire);
    expect(wire.writer.mustFlush).toBe(true);
    wire.writer.flush();
    expect(wire.writer.mustFlush).toBe(true);
    wire.written();
    expect(wire.writer.mustFlush).toBe(false);
  });

  test('also where it came while another message was under way', () => {
    const wire = new Wire();
    wire.succeed(1, 1);
    wire.writer.flush();
    wire.writer.failed(2, 1, FAILURE, 1);
    wire.writer.flush();
    wire.written();
    expect([wire.told(1), wire.writer.mustFlush]).toEqual([[{ number: 2, count: 1, failure: 'no' }], true]);
    wire.written();
    expect(wire.writer.mustFlush).toBe(false);
  });
});

describe('a writer that is closed', () => {
  test('writes nothing more, not even what was waiting', () => {
    const wire = new Wire();
    wire.succeed(1, 1);
    wire.writer.flush();
    wire.succeed(2, 2);
    wire.writer.flush();
    wire.writer.isClosed = true;
    wire.written();
    wire.succeed(3, new Uint8Array(300 * 1024));
    wire.writer.failed(4, 1, FAILURE, 1);
    wire.writer.flush();
    expect([wire.batches.length, wire.writer.isWriting]).toEqual([1, false]);
  });
});
