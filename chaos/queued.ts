import { connect } from 'offhand';
import type { Sandbox } from '../test/support/sandbox.js';
import type { Call, QueuedEnd } from './history.js';
import type { PoolUnderTest } from './pool-under-test.js';

/** How long what is left in the queue may take to be done once nobody adds to it, in ms. */
const LEFT_MS = 20_000;

/** What the queue says of each task that it had taken on, as soon as that has its outcome, whoever has submitted it. */
export async function endsOf(
  calls: readonly Call[],
  pool: PoolUnderTest,
  sandbox: Sandbox,
): Promise<QueuedEnd[]> {
  await using client = await connect(`127.0.0.1:${pool.port}`, { token: sandbox.token });
  const signal = AbortSignal.timeout(LEFT_MS);
  const taken = calls.flatMap(({ id, task }) => (task === undefined ? [] : [{ call: id, task }]));
  return await Promise.all(
    taken.map(async ({ call, task }) => {
      const handle = client.task(task);
      await handle.result({ signal }).catch(() => undefined); // How it ended its own client says; here it is that it ended.
      const state = await handle.state().catch((error: unknown) => String(error));
      return { call, state };
    }),
  );
}
