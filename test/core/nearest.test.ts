import { expect, test } from '@jest/globals';
import { nearestFirst } from '../../src/core/nearest.js';

const at = (machine: string, name: string, isLocal = false) => ({ machine, name, isLocal });
const names = (places: { name: string }[]) => places.map(({ name }) => name);

/** Numbers in the order given, again and again. */
function dice(...numbers: number[]): () => number {
  let next = 0;
  return () => numbers[next++ % numbers.length] ?? 0;
}

test('those on the own machine come first, also where they listen on it alone', () => {
  const places = [at('b', 'b1'), at('a', 'a1', true), at('c', 'c1')];
  expect(names(nearestFirst(places, 'a', dice(0.1, 0.9, 0.5)))).toEqual(['a1', 'b1', 'c1']);
});

test('those that listen on another machine alone are left out', () => {
  expect(names(nearestFirst([at('b', 'b1', true), at('c', 'c1')], 'a', dice(0.5)))).toEqual(['c1']);
});

test('among equals the order is that of chance', () => {
  const places = [at('b', 'b1'), at('c', 'c1'), at('d', 'd1')];
  expect(names(nearestFirst(places, 'a', dice(0.9, 0.1, 0.5)))).toEqual(['c1', 'd1', 'b1']);
  expect(names(nearestFirst(places, 'a', dice(0.1, 0.5, 0.9)))).toEqual(['b1', 'c1', 'd1']);
});
