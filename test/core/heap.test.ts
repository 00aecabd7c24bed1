import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Heap, type HeapItem } from '../../src/core/heap.js';

interface Item extends HeapItem {
  value: number;
}

const item = (value: number): Item => ({ value, heapIndex: -1 });
const heapOf = (...items: readonly Item[]): Heap<Item> => {
  const heap = new Heap<Item>((a, b) => a.value < b.value);
  for (const each of items) heap.push(each);
  return heap;
};

describe('Heap', () => {
  test('an empty heap has nothing to give', () => {
    const heap = heapOf();
    expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined]);
  });

  test('removing an item that is in no heap does nothing', () => {
    const inside = item(1);
    const heap = heapOf(inside);
    heap.remove(item(2));
    expect([heap.size, heap.peek()]).toEqual([1, inside]);
  });

  test('an item that was taken out can be put in again', () => {
    const first = item(1);
    const heap = heapOf(first, item(2), item(3));
    heap.remove(first);
    first.value = 4;
    heap.push(first);
    expect([heap.pop()?.value, heap.pop()?.value, heap.pop()?.value]).toEqual([2, 3, 4]);
  });

  type Op =
    | { do: 'push'; value: number }
    | { do: 'pop' }
    | { do: 'remove'; pick: number }
    | { do: 'reorder'; pick: number; value: number };
  const value = fc.nat(1_000);
  const pick = fc.nat(1_000);
  const op: fc.Arbitrary<Op> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), value }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pick }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reorder' as const), pick, value }) },
  );

  test('whatever is pushed, popped, removed and reordered, it gives what a sorted array would', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 120, size: 'max' }), (ops) => {
        const heap = heapOf();
        let expected: Item[] = [];
        /** What the heap says, and what it should say. */
        const log: [number | undefined, number | undefined][] = [];
        const sorted = (): Item[] => expected.sort((a, b) => a.value - b.value);
        const drop = (gone: Item | undefined): void => {
          expected = expected.filter((other) => other !== gone);
          if (gone) log.push([gone.heapIndex, -1]);
        };
        for (const each of ops) {
          const picked = 'pick' in each ? expected[each.pick % expected.length] : undefined;
          if (each.do === 'push') {
            const pushed = item(each.value);
            expected.push(pushed);
            heap.push(pushed);
          } else if (each.do === 'pop') {
            const least = sorted()[0]?.value;
            const popped = heap.pop();
            log.push([popped?.value, least]);
            drop(popped);
          } else if (picked && each.do === 'remove') {
            heap.remove(picked);
            drop(picked);
          } else if (picked && each.do === 'reorder') {
            picked.value = each.value;
            heap.reorder(picked);
          }
          log.push([heap.size, expected.length], [heap.peek()?.value, sorted()[0]?.value]);
        }
        expect(log.filter(([said, right]) => said !== right)).toEqual([]);
        const rest = expected.map(() => heap.pop());
        expect(rest.map((popped) => popped?.value)).toEqual(sorted().map((other) => other.value));
        expect(new Set(rest).size).toBe(expected.length);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
