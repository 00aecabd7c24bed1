import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { killNow } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';
import { Jobs } from './folder.js';

test('in a batch each script is told when it ends; when the worker dies only those run again that had not ended', async () => {
  await using jobs = new Jobs({
    'a.sh': 'echo . >> ../../../../a',
    'b.sh':
      'echo . >> ../../../../b; echo $PPID > ../../../../worker; test $(wc -l < ../../../../b) = 2 || sleep 1000',
    'c.sh': 'echo . >> ../../../../c; exit 3',
  });
  const server = await startServer(jobs, ['1', '--no-profile', '--no-http']);
  const command = jobs.start('--batch', '3');
  await waitFor('the first to be told of', () => /succeeded +a\.sh/.test(command.stdout));
  await waitFor('the second to be told of', () => /started +b\.sh/.test(command.stdout));
  const worker = await waitFor('it to say where it runs', () =>
    existsSync(jobs.path('worker')) ? Number(readFileSync(jobs.path('worker'), 'utf8')) : 0,
  );
  killNow(worker);
  expect(await command.ended).toEqual({ code: 1, signal: null });
  expect(jobs.results.scripts).toMatchObject([
    { name: 'a.sh', state: 'succeeded', attempts: 1 },
    { name: 'b.sh', state: 'succeeded', attempts: 2 },
    { name: 'c.sh', state: 'failed', attempts: 1 },
  ]);
  const runs = ['a', 'b', 'c'].map((file) => readFileSync(jobs.path(file), 'utf8').split('\n').length - 1);
  expect(runs).toEqual([1, 2, 1]);
  expect(command.stdout.match(/succeeded +a\.sh/g)).toHaveLength(1);
  await server.stop();
});
