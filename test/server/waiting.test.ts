import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { connect } from 'offhand';
import { attemptsIn, hold } from '../support/attempts.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

test('the status tells of calls and of submitted tasks that wait, the latter by name', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile']);
  const [began, gate] = [sandbox.path('began'), sandbox.path('gate')];
  const queue = async () => (await server.status()).queue;
  const pool = await connect(server.address, { token: server.token });
  try {
    const running = await pool.submit(hold, [began, gate], { name: 'first' });
    await waitFor('it to run', () => attemptsIn(began).length === 1);
    expect(await queue()).toEqual({ pending: 0, tasks: [] });

    const waiting = await Promise.all(
      Array.from({ length: 25 }, (_, n) => pool.submit(hold, [began, gate], { name: `task ${n}` })),
    );
    const named = (await queue()).tasks;
    expect(named).toHaveLength(20);
    expect(named[0]).toMatchObject({ task_id: waiting[0]?.id, name: 'task 0', running_ms: 0 });
    expect((await queue()).pending).toBe(25);

    // A client asks for at most twice as many workers as there are slots.
    const calls = Array.from({ length: 3 }, () => pool.run(hold, began, gate));
    await waitFor('the calls to wait', async () => (await queue()).pending === 27);

    writeFileSync(gate, '');
    await Promise.all([running, ...waiting].map((task) => task.result()).concat(calls));
    expect(await queue()).toEqual({ pending: 0, tasks: [] });
  } finally {
    await pool.close();
    await server.stop();
  }
});
