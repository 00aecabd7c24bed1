import { describe, expect, test } from '@jest/globals';
import type { TaskOutcomes } from '../../src/wire/generated/offhand/v1/TaskOutcomes.js';
import { decodePayload, encodePayload, payloadFrom } from '../../src/wire/values/payload.js';
import { Ledger } from '../../src/worker/ledger.js';

const HALF_BYTES = 64 * 1024;

const valueOf = ({ results }: TaskOutcomes) => decodePayload(payloadFrom(results, 'results'));
const numbersIn = (outcomes: readonly TaskOutcomes[]) => outcomes.map(({ number }) => number);

/** The thread's side, and the main thread's, of one ledger. */
function twoSides(): { thread: Ledger; main: Ledger } {
  const main = new Ledger();
  return { thread: new Ledger(main.buffer), main };
}

describe('a ledger', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['false', false],
    ['0', 0],
    ['-0', -0],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['the smallest number', Number.MIN_VALUE],
    ['the largest number', -Number.MAX_VALUE],
    ['a fraction', 0.1 + 0.2],
    ['an empty string', ''],
    ['a plain string', 'plain'],
    ['a string beyond Latin', 'häße 日本 🦀'],
    ['a string with a NUL and a line break', 'a\0b\n'],
    ['half a pair of surrogates', 'a\ud83e'],
    ['the other half, alone', '\udd80'],
    ['surrogates the wrong way round', '\udd80\ud83e'],
    ['0n', 0n],
    ['a large bigint', 2n ** 200n + 1n],
    ['a negative bigint', -(2n ** 64n)],
  ])('tells %s exactly as it was noted', (_, value) => {
    const { thread, main } = twoSides();
    expect(thread.note(1, 1, value, 0.25)).toBe(true);
    const [outcome, ...others] = main.read(1);
    expect(others).toEqual([]);
    expect(outcome).toMatchObject({ number: 1, count: 1, runMs: 0.25 });
    expect(valueOf(outcome as TaskOutcomes)).toBe(value);
  });

  test('tells results that came encoded, in their own encoding', () => {
    const { thread, main } = twoSides();
    const value = { list: [1, new Date(0)] };
    thread.noteEncoded(1, 1, 'V8', encodePayload(value, 'V8', 'it').data, 1);
    thread.noteEncoded(1, 2, 'JSON', Buffer.from('{"a":1}'), 2);
    const outcomes = main.read(1);
    expect(outcomes.map(valueOf)).toEqual([value, { a: 1 }]);
    expect(outcomes.map(({ results, runMs }) => [results?.encoding, runMs])).toEqual([
      ['V8', 1],
      ['JSON', 2],
    ]);
  });

  test('keeps results of every size in their order, with numbers beyond 32 bits', () => {
    const { thread, main } = twoSides();
    const values = ['odd', 1, null, 5n, 'x', '', undefined, 'ü', false];
    for (const [index, value] of values.entries()) thread.note(9, 2 ** 40 + index, value, index);
    const outcomes = main.read(9);
    expect(outcomes.map(valueOf)).toEqual(values);
    expect(outcomes.map(({ number, runMs }) => [number, runMs])).toEqual(
      values.map((_, index) => [2 ** 40 + index, index]),
    );
  });

  test('hands out copies: what is read stays as it was when the ledger goes on', () => {
    const { thread, main } = twoSides();
    thread.noteEncoded(1, 1, 'JSON', Buffer.from('"first"'), 1);
    const [outcome] = main.read(1);
    thread.noteEncoded(2, 1, 'JSON', Buffer.from('"other"'), 1);
    expect(valueOf(outcome as TaskOutcomes)).toBe('first');
  });

  test('refuses what its half has no room for, and keeps what it has', () => {
    const { thread, main } = twoSides();
    let noted = 0;
    while (thread.note(1, noted + 1, noted, 1)) noted += 1;
    expect(noted).toBeGreaterThan(HALF_BYTES / 64);
    expect(main.read(1).map(valueOf)).toEqual(Array.from({ length: noted }, (_, index) => index));
  });

  test.each<[string, (ledger: Ledger) => boolean]>([
    ['string', (ledger) => ledger.note(1, 2, 'x'.repeat(HALF_BYTES), 1)],
    ['bigint', (ledger) => ledger.note(1, 2, 10n ** BigInt(HALF_BYTES), 1)],
    ['encoded result', (ledger) => ledger.noteEncoded(1, 2, 'V8', Buffer.alloc(HALF_BYTES), 1)],
  ])('refuses a %s larger than its half, and still takes a small one', (_, noteLarge) => {
    const { thread, main } = twoSides();
    thread.note(1, 1, 'before', 1);
    expect(noteLarge(thread)).toBe(false);
    expect(thread.note(1, 3, 'after', 1)).toBe(true);
    expect(main.read(1).map(valueOf)).toEqual(['before', 'after']);
  });

  test('a half that is full to its last byte holds all of it', () => {
    const { thread, main } = twoSides();
    const room = HALF_BYTES - 16 - 21; // Behind the header of the half and that of the result.
    const data = Buffer.alloc(room, 7);
    expect(thread.noteEncoded(1, 1, 'V8', Buffer.alloc(room + 1), 1)).toBe(false);
    expect(thread.noteEncoded(1, 1, 'V8', data, 1)).toBe(true);
    expect(thread.note(1, 2, undefined, 1)).toBe(false);
    expect(main.read(1).map(({ results }) => results?.data)).toEqual([data]);
  });

  test('what is on its way is still told, beside what was noted since, until it has arrived', () => {
    const { thread, main } = twoSides();
    thread.note(1, 1, 'on its way', 1);
    const turn = thread.turn();
    thread.note(1, 2, 'since', 1);
    expect(numbersIn(main.read(1)).sort()).toEqual([1, 2]);
    thread.arrived(turn);
    expect(main.read(1).map(valueOf)).toEqual(['since']);
  });

  test('a turn makes the other half free', () => {
    const { thread, main } = twoSides();
    while (thread.note(1, 1, 'full', 1));
    thread.arrived(thread.turn());
    expect(main.read(1)).toEqual([]);
    expect(thread.note(1, 2, 'room again', 1)).toBe(true);
    thread.turn();
    expect(thread.note(1, 3, 'and in the other', 1)).toBe(true);
    expect(numbersIn(main.read(1)).sort()).toEqual([2, 3]);
  });

  test('the arrival of an older turn leaves what went after it', () => {
    const { thread, main } = twoSides();
    thread.note(1, 1, 'first', 1);
    const first = thread.turn();
    thread.note(1, 2, 'second', 1);
    const second = thread.turn();
    thread.arrived(first);
    expect(main.read(1).map(valueOf)).toEqual(['second']);
    thread.arrived(second);
    expect(main.read(1)).toEqual([]);
  });

  test('a newer lease takes the place of an older one, half by half', () => {
    const { thread, main } = twoSides();
    thread.note(1, 1, 'on its way', 1);
    thread.turn();
    thread.note(1, 2, 'waits', 1);
    thread.note(2, 1, 'newer', 1);
    expect(main.read(1).map(valueOf)).toEqual(['on its way']);
    expect(main.read(2).map(valueOf)).toEqual(['newer']);
    thread.turn();
    thread.note(2, 2, 'newest', 1);
    expect(main.read(1)).toEqual([]);
    expect(numbersIn(main.read(2)).sort()).toEqual([1, 2]);
  });

  test('nothing is told of a lease that it never heard of', () => {
    const { thread, main } = twoSides();
    expect(main.read(1)).toEqual([]);
    thread.note(5, 1, 'other', 1);
    expect([main.read(4), main.read(6), main.read(0)]).toEqual([[], [], []]);
  });
});
