import { constants } from 'node:os';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { formatAddress, isLoopback } from '../wire/address.js';
import { VERSION } from '../wire/protocol.js';
import { silenceGrpc } from '../wire/grpc-server.js';
import { LOG_LEVELS } from '../core/log-level.js';
import { POLICIES } from '../core/placement.js';
import { type RunningServer, startServer } from '../server/server.js';
import { resolveServerOptions, type ServerArguments } from './server-options.js';

export const serverCommand: CommandModule<object, ServerArguments> = {
  command: 'server [workers]',
  describe: 'Start a pool: a coordinator and its workers',
  builder: (argv: Argv) =>
    argv
      .positional('workers', { type: 'string', describe: 'how many workers  [default: one per core]' })
      .option('host', {
        type: 'string',
        default: '127.0.0.1',
        describe: 'address to listen on; beyond this machine only with TLS',
      })
      .option('advertise', {
        type: 'string',
        describe: 'name or address by which clients reach this machine  [default: that of --host]',
      })
      .option('port', {
        type: 'string',
        describe: 'port of the coordinator  [default: 4999, or the next free one]',
      })
      .option('worker-ports', { type: 'string', default: '5001-5100', describe: 'ports that workers take' })
      .option('slots', { type: 'string', default: '1', describe: 'tasks that a worker runs at a time' })
      .option('policy', {
        choices: POLICIES,
        default: 'first-free',
        describe: 'how a worker is chosen, see docs/scheduling.md',
      })
      .option('event-log', {
        type: 'string',
        describe: 'file of what the scheduler is told and decides, for offhand replay  [default: none]',
      })
      .option('tag', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'what the workers have that tasks may ask for: gpu,mem=16g; may be given again',
      })
      .option('profile', {
        type: 'string',
        describe: 'CSV file of the profile  [default: profiling/results_<workers>.csv]',
      })
      .option('no-profile', { type: 'boolean', describe: 'write no profile' })
      .option('profile-interval', {
        type: 'string',
        default: '100',
        describe: 'how often to sample: 100, 1s',
      })
      .option('log-dir', { type: 'string', describe: 'folder of the log files  [default: logs]' })
      .option('log-level', {
        choices: LOG_LEVELS,
        default: 'info',
        describe: 'what is said in the log; debug: every grant of a lease too',
      })
      .option('coordinator-timeout', {
        type: 'string',
        default: '30s',
        describe: 'how long workers outlive a coordinator that is gone',
      })
      .option('heartbeat-interval', {
        type: 'string',
        default: '1s',
        describe: 'how often coordinator and workers tell each other that they live',
      })
      .option('worker-timeout', {
        type: 'string',
        default: '5s',
        describe: 'after how long a silence a worker counts as lost',
      })
      .option('drain-timeout', {
        type: 'string',
        default: '30s',
        describe: 'how long running tasks may take at the end',
      })
      .option('max-rss', {
        type: 'string',
        describe: 'memory that a worker may use, all in all: 2gb  [default: no limit]',
      })
      .option('max-heap', {
        type: 'string',
        describe: 'memory that a task may use for JavaScript objects: 512mb  [default: as V8 does]',
      })
      .option('auth', {
        type: 'boolean',
        default: true,
        describe: '--no-auth: no token needed (this machine only)',
      })
      .option('tls-cert', { type: 'string', describe: 'file with the certificate of the pool, as PEM' })
      .option('tls-key', { type: 'string', describe: 'file with its private key' })
      .option('tls-ca', {
        type: 'string',
        describe: 'file with what clients trust it by  [default: the certificate]',
      })
      .example('$0 server 4', 'four workers')
      .example('$0 server --port 7000 --worker-ports 7001-7064', 'on ports of your own')
      .example(
        '$0 server --host 0.0.0.0 --advertise box.lan --tls-cert box.pem --tls-key box-key.pem',
        'for other machines, see docs/tls.md',
      ) as unknown as Argv<ServerArguments>,
  handler: async (args: ArgumentsCamelCase<ServerArguments>) => {
    // A port that is taken is expected here and no news for a terminal.
    silenceGrpc();
    const startedAt = performance.now();
    const server = await startServer(resolveServerOptions(args));
    stopOnSignals(server);
    console.log(greeting(server, args, performance.now() - startedAt));
    await server.stopped;
    process.exit(0);
  },
};

/** The first signal lets running tasks finish; the second ends everything at once. */
function stopOnSignals(server: RunningServer): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) {
        void server.kill().finally(() => process.exit(128 + constants.signals[signal]));
        return;
      }
      isStopping = true;
      console.log('\nstopping: running tasks may finish; once more ends everything now');
      void server.stop();
    });
  }
}

function greeting(server: RunningServer, args: ServerArguments, elapsedMs: number): string {
  const address = formatAddress(server);
  const workers = server.workers();
  const ports = workers.map(({ worker, port }) => `${worker} ${port}`);
  const shown = ports.length > 8 ? [...ports.slice(0, 7), `… ${ports.at(-1)}`] : ports;
  const lines = [
    `offhand ${VERSION}: ${workers.length} worker${workers.length === 1 ? '' : 's'} ready in ${(elapsedMs / 1_000).toFixed(1)} s`,
    '',
    `  coordinator  ${address}`,
    `  workers      ${shown.join(', ')}`,
    ...(server.profile === undefined ? [] : [`  profile      ${server.profile}`]),
    ...(args.auth ? [] : ['  token        none: every program on this machine may run code here']),
    '',
    ...whereFrom(address, args),
    '  to stop      Ctrl-C, or offhand stop',
  ];
  return lines.join('\n');
}

/** How this machine, and others where they can, come to the pool. */
function whereFrom(address: string, { host, tlsCert }: ServerArguments): string[] {
  if (!tlsCert) {
    return [
      `  from here    const pool = await connect('${address}');   or offhand run FILE#EXPORT --address ${address}`,
    ];
  }
  return [
    '  from here    const pool = await connect();   or offhand run FILE#EXPORT',
    ...(isLoopback(host)
      ? []
      : [
          `  elsewhere    OFFHAND_ADDRESS=${address} OFFHAND_TOKEN=… OFFHAND_TLS_CA=… and the same (docs/tls.md)`,
        ]),
  ];
}
