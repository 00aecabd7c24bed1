import { constants } from 'node:os';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { CoordinatorLink } from '../client/coordinator-link.js';
import { PoolError } from '../core/errors.js';
import { checkToken, findToken } from '../host/token.js';
import { Crew, type CrewEvents } from '../server/crew.js';
import { WorkFolders } from '../server/work-folders.js';
import { isReadOnlyToken } from '../wire/access.js';
import { DEFAULT_PORT, formatAddress, isLoopback, isOneMachine, parseAddress } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { parseSearchRange, search } from '../wire/discovery.js';
import { silenceGrpc } from '../wire/grpc-server.js';
import type { CoordinatorPlace } from '../wire/process-messages.js';
import { tlsFromFlag } from './flags/pool-address.js';
import { wholeNumber } from './flags/whole-number.js';
import { type WorkerFlags, workerFlags } from './flags/worker-flags.js';
import { type ResolvedWorkerFlags, resolveWorkerFlags } from './flags/worker-options.js';

type Arguments = WorkerFlags & {
  join: string | undefined;
  discover: string[] | undefined;
  count: string;
};

export const workerCommand: CommandModule<object, Arguments> = {
  command: 'worker',
  describe: 'Start workers for a pool whose coordinator runs elsewhere',
  builder: (argv: Argv) =>
    argv
      .option('join', { type: 'string', describe: 'host:port of the coordinator' })
      .option('discover', {
        type: 'string',
        array: true,
        describe: 'HOST:FROM-TO, ports among which to look for the coordinator (may be repeated)',
      })
      .option('count', { type: 'string', default: '1', describe: 'how many workers' })
      .options(workerFlags)
      .conflicts('join', 'discover')
      .example('$0 worker --join localhost:4999 --count 2', 'two more workers on this machine')
      .example(
        '$0 worker --join box.lan:4999 --host 0.0.0.0 --advertise two.lan --tls-cert cert.pem --tls-key key.pem --tls-ca ca.pem',
        'for a pool on another machine, see docs/tls.md',
      )
      .example('$0 worker', 'wait to be found by `offhand server --discover`') as unknown as Argv<Arguments>,
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    silenceGrpc();
    const count = wholeNumber('--count', args.count, 1, 1_000);
    const flags = resolveWorkerFlags(args, count);
    const credentials = {
      token: args.auth ? ownToken() : undefined,
      tls: flags.tls ?? tlsFromFlag(args.tlsCa),
    };
    const coordinator = await findCoordinator(args, credentials);
    if (coordinator) checkReach(flags, coordinator, credentials);
    const { tls: _tls, workDir, ...settings } = flags;
    const crew = new Crew(
      count,
      {
        ...settings,
        credentials,
        isWaiting: !coordinator,
        isDiscoverable: true,
        moduleFolder: process.cwd(),
        standardServices: true,
      },
      workDir && new WorkFolders(workDir),
      coordinator,
      tellPeople(flags),
    );
    stopOnSignals(crew, flags.drainTimeoutMs);
    await crew.whenEnded();
    console.log('ended: no worker is left');
    process.exit();
  },
};

/** A token of its own would be of no use to a worker: its coordinator has to know the same. */
function ownToken(): string {
  const token = checkToken(findToken());
  if (token !== undefined && !isReadOnlyToken(token)) return token;
  throw new PoolError(
    'unauthenticated',
    `a worker needs the token of its pool${token === undefined ? '' : ', and this is a read-only one'}: set OFFHAND_TOKEN to what \`offhand token\` prints where the server runs`,
  );
}

/** Undefined for workers that wait to be found. @throws PoolError when the one that is named does not want them. */
async function findCoordinator(
  { join, discover }: Arguments,
  credentials: Credentials,
): Promise<CoordinatorPlace | undefined> {
  const address = join === undefined ? undefined : parseAddress(join, '--join', DEFAULT_PORT);
  const found = address ?? (discover && (await findFirst(discover, credentials)));
  if (!found) return undefined;
  // Whatever is wrong with it is said once, and not by every worker.
  const link = new CoordinatorLink(found, credentials, 'worker');
  await link.handshake().finally(() => link.close());
  const { host, port } = found;
  return { host, port, certifiedFor: host };
}

async function findFirst(ranges: readonly string[], credentials: Credentials) {
  const places = ranges.map((range) => parseSearchRange(range, '--discover'));
  for await (const coordinator of search(places, 'coordinator', credentials)) return coordinator;
  throw new PoolError(
    'unavailable',
    `no coordinator with this token answers at ${ranges.join(', ')}; start one with \`offhand server\`, or give other ports`,
  );
}

/** A worker that the clients of a pool cannot reach is of no use to it. */
function checkReach(flags: ResolvedWorkerFlags, coordinator: CoordinatorPlace, { tls }: Credentials): void {
  const address = formatAddress(coordinator);
  if (!isLoopback(coordinator.host) && isOneMachine(flags)) {
    throw new PoolError(
      'invalid-argument',
      `the clients of the pool at ${address} may be elsewhere, and nobody there reaches a worker at ${flags.advertise}; ` +
        'give --host and --advertise, with --tls-cert and --tls-key',
    );
  }
  if (tls && !flags.tls?.cert) {
    throw new PoolError(
      'invalid-argument',
      `the pool at ${address} has TLS, so its workers show certificates too; give --tls-cert and --tls-key`,
    );
  }
}

function tellPeople({ host }: ResolvedWorkerFlags): CrewEvents {
  return {
    waiting: (port) => console.log(`a worker waits at ${formatAddress({ host, port })} to be found`),
    attached: (worker, coordinator) => console.log(`${worker} belongs to the pool at ${coordinator}`),
    lost: (worker, { code, signal, failure, left }, delayMs) => {
      const why = left?.message ?? failure ?? signal ?? `code ${code}`;
      const when = delayMs === 0 ? 'at once' : `in ${delayMs / 1_000} s`;
      console.error(`${worker ?? 'a worker'} has ended (${why}); another one starts ${when}`);
    },
    leftBehind: (reason) => console.error(`of the working folders something stays behind: ${reason}`),
  };
}

/** The first signal lets running tasks finish; the second ends everything at once. */
function stopOnSignals(crew: Crew, drainTimeoutMs: number): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) {
        // At once: what the first signal began may come to its end before this does.
        process.exitCode = 128 + constants.signals[signal];
        void crew.kill().finally(() => process.exit());
        return;
      }
      isStopping = true;
      console.log('\nstopping: running tasks may finish; once more ends everything now');
      crew.stop(drainTimeoutMs);
    });
  }
}
