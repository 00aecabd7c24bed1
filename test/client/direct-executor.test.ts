import { expect, test } from '@jest/globals';
import type { CoordinatorLink } from '../../src/client/coordinator-link.js';
import { DirectExecutor } from '../../src/client/direct/direct-executor.js';
import type { HeldLease } from '../../src/client/direct/held-lease.js';
import { afterTurn } from './held-lease-scene.js';

test('an executor that is closed dials nobody, though a worker turns out to be out of reach', async () => {
  let dialled = 0;
  const coordinator = {
    openSession: () => {
      dialled += 1;
      throw new Error('closed');
    },
    close: () => undefined,
    onMoved: () => () => undefined,
  } as unknown as CoordinatorLink;
  const executor = new DirectExecutor(coordinator, { token: undefined }, { slots: 1, reconnectMs: 0 });
  await executor.close();
  executor.abandon({ epoch: 1 } as HeldLease);
  await afterTurn();
  expect(dialled).toBe(0);
});
