import { describe, expect, test } from '@jest/globals';
import { clientId, requestId, workerId } from '../../src/core/ids.js';
import { type Claim, Claims } from '../../src/server/claims.js';
import { lease } from '../core/story.js';

const claimOf = (request: number, worker: string): Claim => ({
  request: requestId(request),
  wish: { client: clientId('a'), bySession: true },
  lease: lease(worker, request),
});

describe('claims on leases whose workers are not back yet', () => {
  test('are taken when their worker attaches, in their order and only once; those of others wait on', () => {
    const claims = new Claims();
    const [first, other, second] = [claimOf(1, 'w1'), claimOf(2, 'w2'), claimOf(3, 'w1')];
    for (const claim of [first, other, second]) claims.add(claim, 0);
    expect(claims.takeOf(workerId('w1'))).toEqual([first, second]);
    expect(claims.takeOf(workerId('w1'))).toEqual([]);
    expect(claims.takeOf(workerId('w2'))).toEqual([other]);
  });

  test('are overdue after 5 s each, counted from when it was made', () => {
    const claims = new Claims();
    const [early, late] = [claimOf(1, 'w1'), claimOf(2, 'w1')];
    claims.add(early, 0);
    claims.add(late, 1_000);
    expect(claims.takeOverdue(4_999)).toEqual([]);
    expect(claims.takeOverdue(5_000)).toEqual([early]);
    expect(claims.takeOverdue(5_999)).toEqual([]);
    expect(claims.takeOverdue(6_000)).toEqual([late]);
    expect(claims.takeOf(workerId('w1'))).toEqual([]);
  });
});
