import { describe, expect, test } from '@jest/globals';
import { reasonInWords } from '../../src/core/scheduler/reason.js';
import { type Recorded, reasonsFor, Replay } from '../../src/core/scheduler/replay.js';
import { afterBy, attached, ended, grant, lease, requested, slotAt } from './story.js';

describe('a replay', () => {
  const record: Recorded[] = [
    { at: 0, event: attached('w1'), commands: [] },
    { at: 1, event: requested(1, 'a'), commands: [grant(1, lease('w1', 101))] },
    { at: 2, event: requested(2, 'b'), commands: [] },
    { at: 9, event: ended(lease('w1', 101)), commands: [grant(2, lease('w1', 102))] },
  ];

  test('of what was decided comes out the same', () => {
    const replay = new Replay({ epoch: 100, policy: 'first-free' });
    for (const recorded of record) expect(replay.step(recorded)).toBeUndefined();
    expect([replay.events, replay.grants]).toEqual([4, 2]);
  });

  test('tells what is decided where that differs', () => {
    const replay = new Replay({ epoch: 100, policy: 'first-free' });
    const changed = structuredClone(record);
    changed[3] = { ...changed[3]!, commands: [grant(1, lease('w1', 102))] };
    expect(changed.map((recorded) => replay.step(recorded))).toEqual([
      undefined,
      undefined,
      undefined,
      [grant(2, lease('w1', 102))],
    ]);
  });
});

describe('the reason of a grant', () => {
  test('tells how long it waited and behind what, and what workers had left', () => {
    const two = [slotAt(0)];
    const scheduler = afterBy(
      'least-remaining',
      attached('w1', 1, two),
      attached('w2', 2, two),
      requested(1, 'a', { expectedMs: 300 }),
      requested(2, 'a', { expectedMs: 500 }),
      requested(3, 'a', { expectedMs: 100 }),
      requested(4, 'a', { expectedMs: 100, priority: -1 }),
    );
    const [reason] = reasonsFor(scheduler, scheduler.handle(ended(lease('w1', 1)), 200));
    expect(reason).toEqual({
      policy: 'least-remaining',
      waitedMs: 200,
      ahead: 0,
      boundTo: 'w1',
      candidates: [
        { worker: 'w1', remainingMs: 200 }, // What waits for it: the one that is served, and the one behind.
        { worker: 'w2', remainingMs: 300 },
      ],
    });
    expect(reasonInWords(reason!)).toBe(
      'least-remaining: after 200 ms behind 0 others, bound to w1; work left: w1 200 ms, w2 300 ms',
    );
    const [last] = reasonsFor(scheduler, scheduler.handle(ended(lease('w1', 3)), 300));
    expect(last).toMatchObject({ waitedMs: 300, ahead: 1 });
    expect(reasonInWords({ policy: 'first-free', waitedMs: 0, ahead: 0 })).toBe('first-free: at once');
  });
});
