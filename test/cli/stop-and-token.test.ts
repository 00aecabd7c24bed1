import { statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { offhand } from '../support/cli.js';
import { BEAT, lastBeat } from '../support/functions.js';
import { codeRequest, runCode } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('stop', () => {
  test.concurrent('ends the pool cleanly, and says that there is none afterwards', async () => {
    await using sandbox = new Sandbox();
    const server = await startServer(sandbox, ['1', '--no-profile']);
    expect(await offhand(sandbox, ['stop'])).toMatchObject({ code: 0, stdout: 'stopped\n', stderr: '' });
    expect(await server.ended).toEqual({ code: 0, signal: null });
    await sandbox.whenEmpty(500);
    const again = await offhand(sandbox, ['stop']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^offhand: no pool runs on this machine.*offhand server.*\n$/);
  });

  test.concurrent(
    'waits for what runs, and with --now for nobody, also when the pool is stopping already',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile', '--drain-timeout', '10m']);
      using caller = server.caller();
      const lease = await caller.findFreeWorker();
      const file = sandbox.path('beat');
      const call = runCode(server.token, lease, codeRequest(lease, BEAT, [file])).catch(
        (error: unknown) => error,
      );
      await waitFor('the task to run', () => lastBeat(file));
      server.signal('SIGTERM');
      const before = lastBeat(file);
      await waitFor('the task to go on', () => lastBeat(file) !== before);
      const stopped = await offhand(sandbox, ['stop', '--now']);
      expect(stopped).toMatchObject({ code: 0, stdout: 'stopped\n', stderr: '' });
      expect(await server.ended).toEqual({ code: 0, signal: null });
      await call;
      await sandbox.whenEmpty(500);
    },
  );
});

describe('token', () => {
  const mode = (path: string) => statSync(path).mode & 0o777;

  test.concurrent('is made at first, kept for this user alone, and printed', async () => {
    await using sandbox = new Sandbox();
    const [first, atTheSameTime] = await Promise.all([
      offhand(sandbox, ['token']),
      offhand(sandbox, ['token']),
    ]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^[\w-]{43}\n$/);
    expect(atTheSameTime.stdout).toBe(first.stdout);
    expect(first.stdout.trim()).toBe(sandbox.token);
    expect(mode(sandbox.tokenFile)).toBe(0o600);

    const replaced = await offhand(sandbox, ['token', '--new']);
    expect(replaced.code).toBe(0);
    expect(replaced.stdout).not.toBe(first.stdout);
    expect(replaced.stdout.trim()).toBe(sandbox.token);
    expect(mode(sandbox.tokenFile)).toBe(0o600);
  });

  test.concurrent('comes from OFFHAND_TOKEN where that is set', async () => {
    await using sandbox = new Sandbox();
    expect((await offhand(sandbox, ['token'], { OFFHAND_TOKEN: 'mine' })).stdout).toBe('mine\n');
  });

  test.concurrent('that is read-only follows from it, and is replaced with it', async () => {
    await using sandbox = new Sandbox();
    const print = async (...flags: string[]) => (await offhand(sandbox, ['token', ...flags])).stdout.trim();
    const readOnly = await print('--read-only');
    expect(readOnly).toMatch(/^ro\.[\w-]{43}$/);
    expect(await print('--read-only')).toBe(readOnly);
    const replaced = await print('--read-only', '--new');
    expect(replaced).toMatch(/^ro\./);
    expect(replaced).not.toBe(readOnly);
    expect(await print('--read-only')).toBe(replaced);
    expect(sandbox.token).not.toMatch(/^ro\./);
  });

  test.concurrent(
    'that is read-only is none for a server, a worker, or to be made another from',
    async () => {
      await using sandbox = new Sandbox();
      const env = { OFFHAND_TOKEN: (await offhand(sandbox, ['token', '--read-only'])).stdout.trim() };
      for (const command of [
        ['server', '1', '--no-profile'],
        ['token'],
        ['worker', '--join', 'localhost:1'],
      ]) {
        const { code, stdout, stderr } = await offhand(sandbox, command, env);
        expect([command, code, stdout]).toEqual([command, 1, '']);
        expect(stderr).toMatch(/^offhand: .*a read-only (token|one).*`offhand token`.*\n$/);
      }
    },
  );
});
