import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from '@jest/globals';
import { adoptProof, meetProof } from '../../src/wire/proof.js';
import { TestCrew } from '../support/crew.js';
import { Caller, DISCOVERY } from '../support/rpc.js';
import { Sandbox } from '../support/sandbox.js';
import { randomPorts, startServer, type TestServer } from '../support/server.js';
import { waitFor, within } from '../support/wait.js';

const namesOf = async (server: TestServer) => (await server.status()).workers.map(({ worker }) => worker);

/** Workers that wait among these ports. */
async function waitAt(sandbox: Sandbox, workerPorts: string, args: string[] = [], env = {}) {
  return new TestCrew(sandbox, ['--worker-ports', workerPorts, ...args], env).whenWaiting();
}

interface Meeting {
  role: string;
  nonce: Buffer;
  proof: Buffer;
}

const meet = (caller: Caller, nonce = randomBytes(32)) => caller.unary<Meeting>('Meet', { nonce });

describe('a worker that waits to be found', () => {
  test.concurrent(
    'is found by a server that looks where it is, whichever comes first, and ends with the pool',
    async () => {
      await using sandbox = new Sandbox();
      const [early, late] = [randomPorts(4).workerPorts, randomPorts(4).workerPorts];
      // Of this token both know, as soon as there is one.
      const before = await startServer(sandbox, ['1', '--no-profile']);
      await before.stop();
      const first = await waitAt(sandbox, early);
      const looking = ['--discover', `127.0.0.1:${early}`, '--discover', `localhost:${late}`];
      const server = await startServer(sandbox, ['1', '--no-profile', ...looking]);
      await first.whenAttached();
      const second = await waitAt(sandbox, late);
      await second.whenAttached();
      expect(await namesOf(server)).toEqual(['worker-1', 'worker-2', 'worker-3']);
      expect(await server.stop()).toMatchObject({ code: 0 });
      expect(await first.ended).toMatchObject({ code: 0 });
      expect(await second.ended).toMatchObject({ code: 0 });
      await sandbox.whenEmpty(1_000);
    },
    60_000,
  );

  test.concurrent(
    'finds a coordinator among ports that may be anybody’s',
    async () => {
      await using sandbox = new Sandbox();
      const server = await startServer(sandbox, ['1', '--no-profile']);
      const { workerPorts } = randomPorts(4);
      const range = `127.0.0.1:${server.port - 2}-${server.port + 3}`;
      const crew = new TestCrew(sandbox, ['--discover', range, '--worker-ports', workerPorts]);
      await crew.whenAttached();
      expect(await namesOf(server)).toEqual(['worker-1', 'worker-2']);
    },
    60_000,
  );

  test.concurrent(
    'gives up after --coordinator-timeout and says so',
    async () => {
      await using sandbox = new Sandbox();
      const { workerPorts } = randomPorts(4);
      const env = { OFFHAND_TOKEN: 'a-token' };
      const crew = await waitAt(sandbox, workerPorts, ['--coordinator-timeout', '300ms'], env);
      expect(await within(10_000, 'it to end', crew.ended)).toMatchObject({ code: 1 });
      expect(crew.stderr).toMatch(/^offhand: no coordinator has found this worker within 300 ms; .*\n$/);
      await sandbox.whenEmpty(1_000);
    },
    60_000,
  );

  test.concurrent(
    'belongs to one coordinator at a time; when that is gone another one may take it on',
    async () => {
      await using sandbox = new Sandbox();
      const { workerPorts } = randomPorts(4);
      const looking = [
        '--discover',
        `127.0.0.1:${workerPorts}`,
        '--worker-timeout',
        '1s',
        '--heartbeat-interval',
        '200ms',
      ];
      const first = await startServer(sandbox, ['1', '--no-profile', ...looking]);
      const crew = await waitAt(sandbox, workerPorts);
      await crew.whenAttached();
      const second = await startServer(sandbox, ['1', '--no-profile', ...looking, '--log-dir', 'second']);
      using caller = new Caller(crew.waitingAt[0] ?? '', DISCOVERY);
      const { nonce } = await meet(caller);
      const place = { host: '127.0.0.1', port: second.port, certifiedFor: '127.0.0.1' };
      const request = { ...place, certified_for: '127.0.0.1', nonce };
      const proof = adoptProof(sandbox.token, nonce, place);
      await expect(caller.unary('Adopt', { ...request, proof })).rejects.toMatchObject({
        code: status.PERMISSION_DENIED,
        details: `this worker belongs to the coordinator at ${first.address}, and to one at a time`,
      });
      expect(await namesOf(second)).toEqual(['worker-1']);
      first.kill();
      await crew.whenAttached(2);
      expect(await namesOf(second)).toEqual(['worker-1', 'worker-2']);
    },
    60_000,
  );

  test.concurrent(
    'is not taken on by who does not know its token, nor does it send that to anybody',
    async () => {
      await using sandbox = new Sandbox();
      const { workerPorts } = randomPorts(4);
      const crew = await waitAt(sandbox, workerPorts, [], { OFFHAND_TOKEN: 'the-token-of-the-worker' });
      const address = crew.waitingAt[0] ?? '';
      using caller = new Caller(address, DISCOVERY);
      const asked = randomBytes(32);
      const { role, nonce, proof } = await meet(caller, asked);
      const port = Number(address.split(':')[1]);
      const own = { role, port, asked, own: nonce };
      expect(role).toBe('worker');
      expect(proof).toEqual(meetProof('the-token-of-the-worker', own));
      expect(proof).not.toEqual(meetProof('another', own));

      const place = { host: '127.0.0.1', port: 1, certifiedFor: '127.0.0.1' };
      const adopt = (token: string, nonceOf: Buffer) =>
        caller.unary('Adopt', {
          ...place,
          certified_for: '127.0.0.1',
          nonce: nonceOf,
          proof: adoptProof(token, nonceOf, place),
        });
      await expect(adopt('another', nonce)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
      // A nonce is good for one answer, right or wrong.
      await expect(adopt('the-token-of-the-worker', nonce)).rejects.toMatchObject({
        code: status.PERMISSION_DENIED,
      });
      await expect(adopt('the-token-of-the-worker', randomBytes(32))).rejects.toMatchObject({
        code: status.PERMISSION_DENIED,
      });
      await expect(meet(caller, randomBytes(8))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
      const stranger = await startServer(
        sandbox,
        ['1', '--no-profile', '--discover', `127.0.0.1:${workerPorts}`],
        { OFFHAND_TOKEN: 'another' },
      );
      expect(crew.workers).toEqual([]);
      expect(stranger.output).not.toContain('the-token-of-the-worker');
    },
    60_000,
  );
});

describe('a port where a stranger listens', () => {
  const heard: Buffer[] = [];
  let listener: Server | undefined;
  afterAll(() => void listener?.close());

  test('gets a handshake and no more, and holds nobody up', async () => {
    await using sandbox = new Sandbox();
    const sockets: Socket[] = [];
    listener = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (chunk) => heard.push(chunk));
      socket.on('error', () => undefined); // It hangs up on us.
    });
    await new Promise<void>((resolve) => listener?.listen(0, '127.0.0.1', resolve));
    const at = listener.address() as { port: number };
    const { workerPorts } = randomPorts(4);
    const looking = ['--discover', `127.0.0.1:${at.port}`, '--discover', `127.0.0.1:${workerPorts}`];
    const server = await startServer(sandbox, ['1', '--no-profile', ...looking]);
    const crew = await waitAt(sandbox, workerPorts);
    await crew.whenAttached();
    await waitFor('the stranger to be spoken to', () => heard.length > 0);
    const text = Buffer.concat(heard).toString('latin1');
    expect(text).toContain('PRI * HTTP/2.0');
    expect(text).not.toContain(server.token);
    for (const socket of sockets) socket.destroy();
  }, 60_000);
});
