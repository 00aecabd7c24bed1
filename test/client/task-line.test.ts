import { describe, expect, test } from '@jest/globals';
import { Captures } from '../../src/client/shipping/captures.js';
import { DirectTask } from '../../src/client/direct/direct-task.js';
import { shipCall } from '../../src/client/shipping/ship.js';
import { TaskLine } from '../../src/client/direct/task-line.js';

const line = (...priorities: number[]): { line: TaskLine; tasks: DirectTask[] } => {
  const whole = new TaskLine();
  const tasks = priorities.map((priority, order) => {
    const options = { priority, name: `${order}` };
    const task = new DirectTask(
      shipCall({ fn: () => 1, args: [], options, captures: Captures.none }),
      () => undefined,
    );
    task.order = order;
    whole.push(task);
    return task;
  });
  return { line: whole, tasks };
};

function drained(whole: TaskLine): string {
  const names: string[] = [];
  for (let task = whole.shift(); task; task = whole.shift()) names.push(task.name);
  return names.join(' ');
}

describe('a line of tasks', () => {
  test('gives those of higher priority first, and within one those that came first', () => {
    expect(drained(line(0, 5, 0, -3, 5, 7).line)).toBe('5 1 4 0 2 3');
  });

  test('counts those that are in it', () => {
    const { line: whole, tasks } = line(0, 5, 5);
    whole.remove(tasks[1]!);
    whole.remove(tasks[1]!);
    expect([whole.size, whole.first?.name]).toEqual([2, '2']);
    whole.shift();
    whole.shift();
    expect([whole.size, whole.first, whole.shift()]).toEqual([0, undefined, undefined]);
  });

  test('takes tasks back to where they came from', () => {
    const { line: whole, tasks } = line(0, 5, 0, 5, 0, 5, 0);
    for (const index of [1, 3, 0, 4]) whole.remove(tasks[index]!);
    whole.putBack([tasks[0]!, tasks[1]!, tasks[3]!, tasks[4]!]);
    expect(whole.size).toBe(7);
    expect(drained(whole)).toBe('1 3 5 0 2 4 6');
  });

  test('tells the priorities of its first tasks, unless they are all 0', () => {
    const { line: whole } = line(0, 5, 0, -3, 5);
    expect(whole.wanted(2)).toEqual([{ priority: 5, count: 2 }]);
    expect(whole.wanted(4)).toEqual([
      { priority: 5, count: 2 },
      { priority: 0, count: 2 },
    ]);
    expect(whole.wanted(0)).toEqual([]);
    expect(whole.wanted(-1)).toEqual([]);
    expect(line(0, 0).line.wanted(2)).toEqual([]);
    expect(line(-1, -1).line.wanted(5)).toEqual([{ priority: -1, count: 2 }]);
  });
});
