import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LinkedList, type ListItem } from '../../src/core/linked-list.js';

interface Item extends ListItem<Item> {
  name: string;
}

const item = (name: string): Item => ({ name, list: undefined, previous: undefined, next: undefined });

function listOf(...items: readonly Item[]): LinkedList<Item> {
  const list = new LinkedList<Item>();
  for (const each of items) list.push(each);
  return list;
}

function namesIn(list: LinkedList<Item>): string[] {
  const names: string[] = [];
  for (let each = list.first; each; each = each.next) names.push(each.name);
  return names;
}

describe('LinkedList', () => {
  test('an empty list has nothing to give', () => {
    const list = listOf();
    expect([list.size, list.first, list.shift()]).toEqual([0, undefined, undefined]);
  });

  test('first in, first out', () => {
    const list = listOf(item('a'), item('b'), item('c'));
    expect([list.shift()?.name, list.shift()?.name, list.shift()?.name, list.shift()]).toEqual([
      'a',
      'b',
      'c',
      undefined,
    ]);
    expect(list.size).toBe(0);
  });

  test('what is put back comes before all others', () => {
    const list = listOf(item('b'));
    list.insert(item('a'), list.first);
    expect([list.first?.name, namesIn(list), list.size]).toEqual(['a', ['a', 'b'], 2]);
  });

  test('an item goes before another one, or at the end where that is none', () => {
    const list = new LinkedList<Item>();
    const c = item('c');
    list.push(c);
    list.insert(item('b'), c);
    list.insert(item('d'), undefined);
    expect([list.shift()?.name, list.shift()?.name, list.shift()?.name]).toEqual(['b', 'c', 'd']);
  });

  test('what is put back into an empty list is its first and its last', () => {
    const list = listOf();
    list.insert(item('a'), list.first);
    list.push(item('b'));
    expect(namesIn(list)).toEqual(['a', 'b']);
  });

  test('an item leaves from the front, the middle and the end, and the others keep their order', () => {
    const [a, b, c, d, e] = [item('a'), item('b'), item('c'), item('d'), item('e')];
    const list = listOf(a, b, c, d, e);
    list.remove(c);
    expect(namesIn(list)).toEqual(['a', 'b', 'd', 'e']);
    list.remove(a);
    expect(namesIn(list)).toEqual(['b', 'd', 'e']);
    list.remove(e);
    expect(namesIn(list)).toEqual(['b', 'd']);
    list.push(item('f'));
    expect(namesIn(list)).toEqual(['b', 'd', 'f']);
  });

  test('removing an item twice, or one of another list, does nothing', () => {
    const [inside, elsewhere, gone] = [item('inside'), item('elsewhere'), item('gone')];
    const list = listOf(inside, gone);
    const other = listOf(elsewhere);
    list.remove(gone);
    list.remove(gone);
    list.remove(elsewhere);
    list.remove(item('nowhere'));
    expect([namesIn(list), list.size, namesIn(other), other.size]).toEqual([['inside'], 1, ['elsewhere'], 1]);
  });

  test('an item that has left knows of no list and no neighbour, and can go into another', () => {
    const [a, b, c] = [item('a'), item('b'), item('c')];
    const list = listOf(a, b, c);
    list.remove(b);
    expect(b).toEqual(item('b'));
    const other = listOf(b);
    expect([namesIn(list), namesIn(other)]).toEqual([['a', 'c'], ['b']]);
  });

  test('whatever is done, it holds what an array would hold', () => {
    const step = fc.record({
      act: fc.constantFrom('push', 'unshift', 'shift', 'remove'),
      which: fc.nat({ max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const list = listOf();
        const model: Item[] = [];
        for (const [index, { act, which }] of steps.entries()) {
          const fresh = item(String(index));
          if (act === 'push') {
            list.push(fresh);
            model.push(fresh);
          } else if (act === 'unshift') {
            list.insert(fresh, list.first);
            model.unshift(fresh);
          } else if (act === 'shift') {
            expect(list.shift()).toBe(model.shift());
          } else {
            const at = which % (model.length + 1);
            list.remove(model[at] ?? fresh);
            model.splice(at, 1);
          }
          expect(list.size).toBe(model.length);
        }
        expect(namesIn(list)).toEqual(model.map(({ name }) => name));
      }),
    );
  });
});
