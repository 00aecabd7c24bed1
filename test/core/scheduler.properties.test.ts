import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeaseWish } from '../../src/core/scheduler/account.js';
import { type LeaseKey, UNUSED_LEASE_TTL_MS } from '../../src/core/scheduler/lease.js';
import { POLICIES, type PolicyName } from '../../src/core/scheduler/placement.js';
import { type Recorded, Replay } from '../../src/core/scheduler/replay.js';
import { type Grant, keyOf, type Moment, changingStory, story, Telling } from './scheduler-fuzz.js';

/** Tells 300 random stories, always the same ones, and looks at each. */
function inEveryStory(look: (told: Telling) => void): void {
  fc.assert(
    fc.property(story, (steps) => look(new Telling(steps))),
    { seed: 1, numRuns: 300 },
  );
}

const names = (keys: readonly LeaseKey[]): string[] =>
  keys.map((key) => `${key.worker}/${key.slot}/${key.epoch}`).sort();

/** What of `moments` is not as it should be. Asserted once for a story, because `expect` is slow. */
function wrong<T>(moments: readonly T[], isRight: (moment: T) => boolean): T[] {
  return moments.filter((moment) => !isRight(moment));
}

const slotOf = (key: LeaseKey): string => `${key.worker}/${key.slot}`;

const TOLD: [string, PolicyName, typeof story][] = [
  ...POLICIES.map((policy): [string, PolicyName, typeof story] => [`by ${policy}`, policy, story]),
  ['by one policy after another', 'first-free', changingStory],
];

describe.each(TOLD)('%s', (_, policy, story) => {
  test('a free slot is granted to a client whose turn it is, and nobody waits while one is free', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const { moments } = new Telling(steps, policy);
        const grants = moments.flatMap((moment) => moment.grants);
        expect(wrong(grants, ({ command, sameTurn }) => sameTurn.includes(command.request))).toEqual([]);
        const keys = names(grants.map(({ command }) => command.lease));
        expect(keys).toEqual(names(grants.flatMap(({ chosenLease }) => chosenLease ?? [])));
        expect(wrong(moments, (moment) => moment.waiting === moment.modelWaiting)).toEqual([]);
        expect(wrong(moments, (moment) => moment.waiting === 0 || !moment.hasFreeSlot)).toEqual([]);
        expect(wrong(moments, ({ ended, ends }) => names(ended).join() === names(ends).join())).toEqual([]);
      }),
      { seed: 2, numRuns: 200 },
    );
  });
});

describe.each(TOLD)('%s', (_, policy, story) => {
  test('what was written down, told again, leads to the same decisions', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const { record } = new Telling(steps, policy);
        const replay = new Replay({ epoch: 0, policy });
        const lines = record.map((recorded) => JSON.parse(JSON.stringify(recorded)) as Recorded);
        expect(wrong(lines, (recorded) => replay.step(recorded) === undefined)).toEqual([]);
        expect(replay.events).toBe(record.length);
      }),
      { seed: 3, numRuns: 100 },
    );
  });
});

describe('whatever happens', () => {
  test('no slot is granted again before its lease has ended or its worker is lost', () => {
    inEveryStory(({ moments }) => {
      const leased = new Map<string, number>();
      const grantIsRight = ({ command: { lease } }: Grant): boolean => {
        const isFree = !leased.has(slotOf(lease));
        leased.set(slotOf(lease), lease.epoch);
        return isFree;
      };
      const isRight = ({ event, grants }: Moment): boolean => {
        if (event.type === 'lease-ended' && leased.get(slotOf(event.lease)) === event.lease.epoch)
          leased.delete(slotOf(event.lease));
        if (event.type === 'worker-lost' || event.type === 'worker-attached')
          for (const slot of leased.keys()) if (slot.startsWith(`${event.worker}/`)) leased.delete(slot);
        if (event.type === 'worker-attached')
          for (const [slot, { epoch, held }] of event.slots.entries())
            if (held) leased.set(`${event.worker}/${slot}`, epoch);
        return wrong(grants, grantIsRight).length === 0;
      };
      expect(wrong(moments, isRight)).toEqual([]);
    });
  });

  test('epochs rise over all grants, and above whatever a worker has seen', () => {
    inEveryStory(({ moments }) => {
      let highest = 0;
      const isHigher = (epoch: number): boolean => {
        const before = highest;
        highest = Math.max(epoch, before);
        return epoch > before;
      };
      const isRight = ({ event, grants }: Moment): boolean => {
        if (event.type === 'worker-attached') for (const { epoch } of event.slots) isHigher(epoch);
        return wrong(grants, ({ command }) => isHigher(command.lease.epoch)).length === 0;
      };
      expect(wrong(moments, isRight)).toEqual([]);
    });
  });

  test('no caller waits while a slot is free', () => {
    inEveryStory(({ moments }) => {
      expect(wrong(moments, (moment) => moment.waiting === moment.modelWaiting)).toEqual([]);
      expect(wrong(moments, (moment) => moment.waiting === 0 || !moment.hasFreeSlot)).toEqual([]);
    });
  });

  test('within a client, whoever came first at a priority is served first', () => {
    inEveryStory(({ moments }) => {
      const lines = new Map<string, number[]>();
      const lineOf = ({ client, priority = 0 }: LeaseWish): string => `${client} at ${priority}`;
      const isFirst = (request: number): boolean =>
        [...lines.values()].find((line) => line.includes(request))?.shift() === request;
      const isRight = ({ event, grants }: Moment): boolean => {
        if (event.type === 'lease-requested')
          lines.set(lineOf(event.wish), [...(lines.get(lineOf(event.wish)) ?? []), event.request]);
        if (event.type === 'request-withdrawn')
          for (const [client, line] of lines)
            lines.set(
              client,
              line.filter((other) => other !== event.request),
            );
        return wrong(grants, ({ command }) => isFirst(command.request)).length === 0;
      };
      expect(wrong(moments, isRight)).toEqual([]);
    });
  });

  test('the highest priority is next, by age too, and in it the client with the smallest share of slot time', () => {
    inEveryStory(({ moments }) => {
      const grants = moments.flatMap((moment) => moment.grants);
      expect(wrong(grants, ({ command, candidates }) => candidates.includes(command.request))).toEqual([]);
    });
  });

  test('the first free slot is taken, under a key never used before', () => {
    inEveryStory(({ moments }) => {
      const grants = moments.flatMap((moment) => moment.grants);
      const keys = names(grants.map(({ command }) => command.lease));
      expect(keys).toEqual(names(grants.flatMap(({ expectedLease }) => expectedLease ?? [])));
      expect(new Set(keys).size).toBe(keys.length);
      expect(wrong(grants, ({ command }) => command.ttlMs === UNUSED_LEASE_TTL_MS)).toEqual([]);
    });
  });

  test('leases end when they are released or not used, and only then', () => {
    inEveryStory((told) => {
      const isRight = ({ ends, ended }: Moment): boolean => names(ended).join() === names(ends).join();
      expect(wrong(told.moments, isRight)).toEqual([]);
      expect(wrong(told.moments, (moment) => moment.nextTimeAt === moment.modelNextTimeAt)).toEqual([]);
      expect(told.isBusyAsModelled()).toBe(true);
    });
  });

  test('no lease is without an end: when nobody uses any, all are told to end', () => {
    inEveryStory((told) => {
      const open = told.model.slots.filter((slot) => slot.state === 'leased').map(keyOf);
      const before = told.moments.length;
      told.fallSilent();
      const silence = told.moments.slice(before);
      expect(names(silence.flatMap(({ ended }) => ended))).toEqual(names(open));
      expect(silence.at(-1)?.nextTimeAt).toBeUndefined();
    });
  });

  test('the stories are worth telling', () => {
    let [grants, contested, expired, reattached, returned, overtaken, aged] = [0, 0, 0, 0, 0, 0, 0];
    inEveryStory(({ moments }) => {
      const waiting = new Map<number, number>();
      const attachedWorkers = new Set<string>();
      const lostWorkers = new Set<string>();
      for (const moment of moments) {
        grants += moment.grants.length;
        contested += moment.waiting > 1 ? 1 : 0;
        expired += moment.event.type !== 'lease-released' ? moment.ends.length : 0;
        const { event } = moment;
        if (event.type === 'lease-requested') waiting.set(event.request, event.wish.priority ?? 0);
        if (event.type === 'request-withdrawn') waiting.delete(event.request);
        for (const { command } of moment.grants) {
          const priority = waiting.get(command.request) ?? 0;
          waiting.delete(command.request);
          const others = [...waiting.keys()];
          if (others.some((other) => waiting.get(other)! < priority && other < command.request))
            overtaken += 1;
          if (others.some((other) => waiting.get(other)! > priority)) aged += 1;
        }
        if (event.type === 'worker-lost' && attachedWorkers.delete(event.worker))
          lostWorkers.add(event.worker);
        if (event.type !== 'worker-attached') continue;
        if (attachedWorkers.has(event.worker)) reattached += 1;
        if (lostWorkers.delete(event.worker)) returned += 1;
        attachedWorkers.add(event.worker);
      }
    });
    for (const count of [grants, contested, expired, reattached]) expect(count).toBeGreaterThan(300);
    for (const count of [returned, overtaken, aged]) expect(count).toBeGreaterThan(50);
  });
});
