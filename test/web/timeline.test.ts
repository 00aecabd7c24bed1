import { describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../web/src/documents.js';
import { EventText } from '../../web/src/event-text.js';
import { KEPT_BLOCKS, type Lane, Lanes } from '../../web/src/lanes.js';
import { blockAt, Hues, panned, seenIn, ticks, tickText, zoomed } from '../../web/src/timeline.js';

const attempt = (started_ms: number, run_ms: number | undefined, more: Partial<Attempt> = {}): Attempt => ({
  worker: 'worker-1',
  slot: 0,
  task_id: `t${started_ms}`,
  name: 'f',
  started_ms,
  state: run_ms === undefined ? 'running' : 'completed',
  ...(run_ms !== undefined && { run_ms }),
  ...more,
});

const laneOf = (blocks: Attempt[], running?: Attempt): Lane => ({ name: 'l', blocks, running });

describe('the range', () => {
  test('zooms around an instant, which stays where it is', () => {
    expect(zoomed({ from: 0, to: 100 }, 0.5, 25)).toEqual({ from: 12.5, to: 62.5 });
    expect(zoomed(zoomed({ from: 0, to: 100 }, 0.5, 25), 2, 25)).toEqual({ from: 0, to: 100 });
  });

  test('is never finer than clocks are', () => {
    const { from, to } = zoomed({ from: 0, to: 2 }, 0.001, 1);
    expect([to - from, from]).toEqual([1, 0.5]);
  });

  test('pans by a share of what is seen', () => {
    expect(panned({ from: 100, to: 200 }, -0.5)).toEqual({ from: 50, to: 150 });
  });

  test('has round instants on its axis, in words as fine as they are apart', () => {
    expect(ticks({ from: 3, to: 25 }, 4).map(({ at }) => at)).toEqual([5, 10, 15, 20, 25]);
    expect(ticks({ from: 0, to: 10_000 }, 1_500).map(({ at }) => at)).toEqual([
      0, 2_000, 4_000, 6_000, 8_000, 10_000,
    ]);
    expect(tickText(1_234, 1)).toMatch(/:01\.234$/);
    expect(tickText(1_000.2, 0.2)).toMatch(/:01\.0002$/);
    expect(tickText(61_000, 1_000)).toMatch(/:01$/);
  });
});

describe('the blocks that are seen', () => {
  const seen = (lane: Lane, from: number, to: number, width: number, now = to) =>
    [...seenIn(lane, { from, to }, width, now)].map(({ left, width, attempt }) => [
      left,
      width,
      attempt.started_ms,
    ]);

  test('are those that overlap the range, where they were', () => {
    const lane = laneOf([attempt(0, 10), attempt(20, 10), attempt(40, 10), attempt(90, 10)]);
    expect(seen(lane, 25, 75, 100)).toEqual([
      [-10, 20, 20],
      [30, 20, 40],
    ]);
  });

  test('are no more than there are pixels, however many there are', () => {
    const lane = laneOf(Array.from({ length: 50_000 }, (_, n) => attempt(n, 0.9)));
    const drawn = seen(lane, 0, 50_000, 500);
    expect(drawn.length).toBeLessThanOrEqual(501);
    expect(drawn.length).toBeGreaterThan(200);
  });

  test('hold one that has failed among many that have not', () => {
    const blocks = Array.from({ length: 10_000 }, (_, n) => attempt(n, 0.9));
    blocks[5_005] = attempt(5_005, 0.9, { state: 'failed' });
    expect(seen(laneOf(blocks), 0, 10_000, 100).filter(([, , started]) => started === 5_005)).toHaveLength(1);
  });

  test('end now where they run', () => {
    expect(seen(laneOf([], attempt(50, undefined)), 0, 100, 100, 80)).toEqual([[50, 30, 50]]);
    expect(seen(laneOf([], attempt(50, undefined)), 0, 40, 100, 80)).toEqual([]);
  });

  test('are found at their place, and from a little beside it', () => {
    const lane = laneOf([attempt(0, 10), attempt(20, 10)], attempt(50, undefined));
    const found = (instant: number) => blockAt(lane, instant, 2, 80)?.started_ms;
    expect([5, 11, 15, 19, 25, 40, 60, 81].map(found)).toEqual([
      0,
      0,
      undefined,
      20,
      20,
      undefined,
      50,
      undefined,
    ]);
  });

  test('have the hue of their name: none is the red of what has failed, and the first ones are far apart', () => {
    const hues = new Hues();
    const names = ['resize', 'count', '', 'é'.repeat(300), 'parse', 'render'];
    const given = names.map((name) => hues.of(name));
    expect(names.map((name) => hues.of(name))).toEqual(given);
    expect(hues.names).toEqual(names);
    const sorted = given.toSorted((a, b) => a - b);
    expect(sorted[0]).toBeGreaterThanOrEqual(50);
    expect(sorted.at(-1)).toBeLessThan(300);
    for (const [n, hue] of sorted.slice(1).entries()) expect(hue - (sorted[n] ?? 0)).toBeGreaterThan(20);
  });

  test('have hues however many names there are', () => {
    const hues = new Hues();
    for (let n = 0; n < 5_000; n++) hues.of(`f${n}`);
    expect(hues.names.length).toBeLessThanOrEqual(1_000);
  });
});

describe('the lanes', () => {
  const event = (...attempts: Attempt[]) => ({ at_ms: 1_000, attempts, skipped: 0 });

  test('are one for each slot, workers by their numbers', () => {
    const lanes = new Lanes();
    const at = (worker: string, slot: number) => attempt(1, 1, { worker, slot });
    lanes.add(event(at('worker-10', 0), at('worker-2', 1), at('worker-2', 0)), 0);
    expect(lanes.lanes.map(({ name }) => name)).toEqual(['worker-2 · 1', 'worker-2 · 2', 'worker-10 · 1']);
  });

  test('keep what runs until it has ended, or something after it has', () => {
    const lanes = new Lanes();
    const running = () => lanes.lanes[0]?.running?.started_ms;
    lanes.add(event(attempt(10, undefined)), 0);
    lanes.add(event(attempt(5, 1)), 0);
    expect(running()).toBe(10);
    lanes.add(event(attempt(10, 7)), 0);
    expect(running()).toBeUndefined();
    lanes.add(event(attempt(30, undefined), attempt(50, 1)), 0);
    expect(running()).toBeUndefined();
    expect(lanes.lanes[0]?.blocks.map(({ started_ms }) => started_ms)).toEqual([5, 10, 50]);
  });

  test('hold the newest blocks, and no more of them however long the page is open', () => {
    const lanes = new Lanes();
    for (let round = 0; round < 60; round++)
      lanes.add(
        event(...Array.from({ length: 1_000 }, (_, n) => attempt(round * 1_000 + n, 1, { slot: n % 3 }))),
        round,
      );
    expect(lanes.size).toBeGreaterThanOrEqual(KEPT_BLOCKS);
    expect(lanes.size).toBeLessThan(KEPT_BLOCKS * 1.2);
    expect(lanes.lanes.reduce((sum, { blocks }) => sum + blocks.length, 0)).toBe(lanes.size);
    expect(lanes.oldest).toBeGreaterThan(35_000);
  });

  test('go by the clock of the server, as the quickest message told it', () => {
    const lanes = new Lanes();
    expect(lanes.at(5)).toBeUndefined();
    lanes.add({ at_ms: 1_000, attempts: [], skipped: 1 }, 40);
    lanes.add({ at_ms: 2_000, attempts: [], skipped: 2 }, 1_010);
    lanes.add({ at_ms: 3_000, attempts: [], skipped: 0 }, 2_500);
    expect([lanes.at(3_000), lanes.skipped]).toEqual([3_990, 3]);
  });
});

test('events are read out of text that comes in any pieces', () => {
  const text = 'retry: 1000\n\nevent: a\ndata: {"n":1}\n\n:\n\nevent: b\ndata: {"n":2}\n\n';
  for (const size of [1, 3, 7, 100]) {
    const events = new EventText();
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    expect(pieces.flatMap((piece) => events.add(piece))).toEqual([
      { type: 'a', data: { n: 1 } },
      { type: 'b', data: { n: 2 } },
    ]);
  }
});
