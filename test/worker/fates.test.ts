import { describe, expect, test } from '@jest/globals';
import { type Fate, Fates } from '../../src/worker/fates.js';

/** As many leases as a slot remembers. */
const REMEMBERED = 16;

const fate = (begun: number): Fate => ({ begun, unsent: [] });

function fatesOf(...epochs: readonly number[]): Fates {
  const fates = new Fates();
  for (const epoch of epochs) fates.set(epoch, fate(epoch));
  return fates;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('the fates of leases', () => {
  test('a lease that has not ended has none', () => {
    expect(fatesOf(1, 3).get(2)).toBeUndefined();
  });

  test('a lease keeps the fate it was given, and the newer one when it is given another', () => {
    const fates = fatesOf(1, 2);
    const failed: Fate = {
      begun: 7,
      failure: { code: 'exited', message: 'gone', mayHaveRun: true },
      unsent: [],
    };
    fates.set(1, failed);
    expect([fates.get(1), fates.get(2)]).toEqual([failed, fate(2)]);
  });

  test('the oldest is forgotten when there are too many', () => {
    const fates = fatesOf(...upTo(REMEMBERED));
    expect(fates.get(1)).toEqual(fate(1));
    fates.set(REMEMBERED + 1, fate(0));
    expect([fates.get(1), fates.get(2)]).toEqual([undefined, fate(2)]);
  });

  test('a lease that ends has the fate of that instant, however often it ends', () => {
    const fates = new Fates();
    fates.end(5, 5, () => fate(3));
    fates.end(5, 5, () => fate(4));
    expect(fates.get(5)).toEqual(fate(3));
  });

  test('a lease under which nothing has begun may end when others before it had', () => {
    const fates = new Fates();
    fates.end(5, 4, () => fate(0));
    expect(fates.get(5)).toEqual(fate(0));
  });

  test('a lease whose fate is forgotten has none when it is ended again: what began under it must not begin anew', () => {
    const fates = new Fates();
    for (const epoch of upTo(REMEMBERED + 1)) fates.end(epoch, epoch, () => fate(epoch));
    fates.end(1, REMEMBERED + 1, () => fate(0));
    expect(fates.get(1)).toBeUndefined();
  });

  test('a fate that is told anew is the newest, and no other is forgotten for it', () => {
    const fates = fatesOf(...upTo(REMEMBERED));
    fates.set(1, fate(9));
    expect(fates.get(2)).toEqual(fate(2));
    fates.set(REMEMBERED + 1, fate(0));
    expect([fates.get(1), fates.get(2)]).toEqual([fate(9), undefined]);
  });

  test('are told when every holder of a lease with a failure has asked', async () => {
    const fates = fatesOf(1);
    const failure = { code: 'out-of-memory', message: 'too much', mayHaveRun: true } as const;
    await fates.whenTold(60_000); // Nobody waits for an end without failure.
    for (const epoch of [2, 3]) fates.set(epoch, { ...fate(1), failure });
    let isTold = false;
    const told = fates.whenTold(60_000).then(() => (isTold = true));
    expect(fates.tell(2)).toEqual({ ...fate(1), failure });
    await Promise.resolve();
    expect(isTold).toBe(false);
    fates.tell(3);
    await told;
  });

  test('are waited for no longer than that', async () => {
    const fates = new Fates();
    fates.set(1, { ...fate(1), failure: { code: 'exited', message: 'gone', mayHaveRun: true } });
    await fates.whenTold(1);
  });
});
