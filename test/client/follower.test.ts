import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import type { ServiceError } from '@grpc/grpc-js';
import { Metadata, status } from '@grpc/grpc-js';
import { Follower } from '../../src/client/submitted/follower.js';
import type { QueueLink, WatchStream } from '../../src/client/submitted/queue-link.js';
import { until } from './support.js';

/** A coordinator whose streams break: `answers` says for each whether it was heard before. */
function brokenCoordinator(answers: boolean[]): { link: QueueLink; dialled: () => number } {
  let dialled = 0;
  const watch = () => {
    const stream = Object.assign(new EventEmitter(), { write: () => true, end: () => undefined });
    const isHeard = answers[dialled++];
    setTimeout(() => {
      if (isHeard) stream.emit('metadata', new Metadata());
      const error = { code: status.UNAVAILABLE, metadata: new Metadata(), details: 'cut' };
      stream.emit('error', Object.assign(new Error('cut'), error));
    }, 1);
    return stream as unknown as WatchStream;
  };
  const meaningOf = (error: ServiceError) => error;
  return { link: { watch, meaningOf } as unknown as QueueLink, dialled: () => dialled };
}
const listener = (failures: unknown[]) => ({
  wantsNews: false,
  onNews: () => undefined,
  onOutcome: () => undefined,
  onFailed: (reason: unknown) => failures.push(reason),
});

test('a coordinator that comes back each time is waited for, though nothing was to be told yet', async () => {
  const { link, dialled } = brokenCoordinator([true, true, true, true, true]);
  const follower = new Follower(link, 300);
  const failures: unknown[] = [];
  follower.follow('a task', listener(failures));
  await until('it has come back four times, over more than the limit', () => dialled() >= 5);
  expect(failures).toEqual([]);
  follower.close();
});

test('one that does not come back is given up', async () => {
  const { link } = brokenCoordinator([]);
  const failures: unknown[] = [];
  new Follower(link, 300).follow('a task', listener(failures));
  await until('it is given up', () => failures.length > 0);
  expect(failures).toHaveLength(1);
});
