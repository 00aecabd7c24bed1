import { constants } from 'node:os';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { formatAddress, isLoopback } from '../wire/address.js';
import { MAX_QUEUED } from '../wire/process-messages.js';
import { VERSION } from '../wire/protocol.js';
import { silenceGrpc } from '../wire/grpc-server.js';
import { withResolvers } from '../core/with-resolvers.js';
import { POLICIES } from '../core/scheduler/placement.js';
import { HTTP_DEFAULTS, type HttpOptions } from '../http/options.js';
import type { Serve } from '../server/face.js';
import { type RunningServer, startServer } from '../server/server.js';
import { Supervisor } from '../server/supervisor.js';
import { resolveHttpOptions, resolveServerOptions, type ServerArguments } from './flags/server-options.js';
import { workerFlags } from './flags/worker-flags.js';
import { counted } from './table.js';

export const serverCommand: CommandModule<object, ServerArguments> = {
  command: 'server [workers]',
  describe: 'Start a pool: a coordinator and its workers',
  builder: (argv: Argv) =>
    argv
      .positional('workers', { type: 'string', describe: 'how many workers  [default: one per core]' })
      .options(workerFlags)
      .option('port', {
        type: 'string',
        describe: 'port of the coordinator  [default: 4999, or the next free one]',
      })
      .option('policy', {
        choices: POLICIES,
        default: 'first-free',
        describe: 'how a worker is chosen, see docs/scheduling.md',
      })
      .option('event-log', {
        type: 'string',
        describe: 'file of what the scheduler is told and decides, for offhand replay  [default: none]',
      })
      .option('min', { type: 'string', describe: 'least number of workers, where it follows the work' })
      .option('max', { type: 'string', describe: 'most of them; more start while calls wait' })
      .option('idle-timeout', {
        type: 'string',
        default: '30s',
        describe: 'how long workers may be too many before they go (with --min or --max)',
      })
      .option('discover', {
        type: 'string',
        array: true,
        describe: 'HOST:FROM-TO, ports where workers may wait to be found (may be repeated)',
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
      .option('store', {
        type: 'string',
        default: 'memory',
        describe:
          'where submitted tasks are kept: memory; file:DIR, on disk; or nats://HOST,…, shared by several machines',
      })
      .option('store-replicas', {
        type: 'string',
        describe: 'how many servers of NATS have each task  [default: 1]',
      })
      .option('store-creds', { type: 'string', describe: 'file of credentials for NATS' })
      .option('store-tls-ca', { type: 'string', describe: 'file of whom to trust as NATS, where it has TLS' })
      .option('store-tls-cert', { type: 'string', describe: 'file of the certificate to show to NATS' })
      .option('store-tls-key', { type: 'string', describe: 'and of its key' })
      .option('keep-results', {
        type: 'string',
        default: '1h',
        describe: 'how long results of submitted tasks are kept',
      })
      .option('keep-count', { type: 'string', default: '100000', describe: 'and how many of them' })
      .option('max-queued', {
        type: 'string',
        default: String(MAX_QUEUED),
        describe: 'how many submitted tasks may wait or run at a time',
      })
      .option('http', {
        type: 'boolean',
        default: true,
        describe: '--no-http: no HTTP service, see docs/http.md',
      })
      .option('http-port', {
        type: 'string',
        describe: `its port  [default: ${HTTP_DEFAULTS.port}, or the next free one]`,
      })
      .option('http-allow-host', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'a further name it is called by, of a proxy say; may be given again',
      })
      .option('http-allow-origin', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'another site whose pages may ask: https://example.com; may be given again',
      })
      .option('http-max-body', {
        type: 'string',
        default: HTTP_DEFAULTS.maxBody,
        describe: 'largest body of a request',
      })
      .option('http-rate', {
        type: 'string',
        default: String(HTTP_DEFAULTS.requestsPerSecond),
        describe: 'requests that one address may make per second',
      })
      .example('$0 server 4', 'four workers')
      .example('$0 server 4 --store file:queue', 'submitted tasks are on disk, and outlive the server')
      .example(
        '$0 server 4 --store nats://a,b,c --store-replicas 3',
        'one of several machines that share tasks, see docs/cluster.md',
      )
      .example(
        '$0 server 4 --code named --functions functions.json',
        'runs what offhand allow has registered',
      )
      .example('$0 server --min 1 --max 8', 'as many as there is work for')
      .example('$0 server --port 7000 --worker-ports 7001-7064', 'on ports of your own')
      .example(
        '$0 server --host 0.0.0.0 --advertise box.lan --tls-cert box.pem --tls-key box-key.pem',
        'for other machines, see docs/tls.md',
      ) as unknown as Argv<ServerArguments>,
  handler: async (args: ArgumentsCamelCase<ServerArguments>) => {
    // A port that is taken is expected here and no news for a terminal.
    silenceGrpc();
    const startedAt = performance.now();
    const options = resolveServerOptions(args);
    const http = resolveHttpOptions(args, options);
    const starting = withResolvers<RunningServer>();
    // Before the first worker starts, which may be ready before all others have begun to.
    const signals = stopOnSignals(starting.promise, () => supervisor.kill());
    const supervisor = Supervisor.start(options);
    void startServer(options, supervisor, http && serveHttp(http)).then(starting.resolve, starting.reject);
    const server = await starting.promise;
    if (!signals.haveCome) console.log(greeting(server, args, performance.now() - startedAt));
    await server.stopped;
    const dropped = server.droppedTasks();
    if (dropped > 0)
      console.log(
        `submitted tasks that had no outcome are gone with the memory of this server: ${dropped}; --store file:DIR keeps them`,
      );
    process.exit();
  },
};

/** It is loaded while the pool starts. */
function serveHttp(options: HttpOptions): Serve {
  const loading = import('../http/index.js');
  loading.catch(() => undefined); // Told when it is asked for.
  return async (pool) => (await loading).startHttp(options, pool);
}

/**
 * The first signal lets running tasks finish; the second ends everything at once. One that comes while the pool starts waits
 * until it has: what has attached by then would outlive us, in the hope that we come back.
 */
function stopOnSignals(
  starting: Promise<RunningServer>,
  killWorkers: () => Promise<void>,
): { haveCome: boolean } {
  const signals = { haveCome: false };
  let server: RunningServer | undefined;
  starting.then(
    (started) => (server = started),
    () => undefined, // Told by whoever waits for it to start.
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signals.haveCome) {
        // At once: what the first signal began may come to its end before this does.
        process.exitCode = 128 + constants.signals[signal];
        const killed = server ? server.kill() : killWorkers();
        void killed.finally(() => process.exit());
        return;
      }
      signals.haveCome = true;
      console.log('\nstopping: running tasks may finish; once more ends everything now');
      void starting.then(
        (started) => started.stop(),
        () => undefined,
      );
    });
  }
  return signals;
}

function greeting(server: RunningServer, args: ServerArguments, elapsedMs: number): string {
  const address = formatAddress(server);
  const workers = server.workers();
  const ports = workers.map(({ worker, port }) => `${worker} ${port}`);
  const shown = ports.length > 8 ? [...ports.slice(0, 7), `… ${ports.at(-1)}`] : ports;
  const lines = [
    `offhand ${VERSION}: ${counted(workers.length, 'worker')} ready in ${(elapsedMs / 1_000).toFixed(1)} s`,
    '',
    `  coordinator  ${address}`,
    `  workers      ${shown.join(', ')}`,
    ...(server.http === undefined
      ? []
      : [`  http         ${server.http.address}`, `  browser      ${server.http.link}`]),
    ...(server.profile === undefined ? [] : [`  profile      ${server.profile}`]),
    ...(args.code === 'named'
      ? [`  code         registered functions only, those of ${args.functions}`]
      : []),
    ...(args.auth ? [] : ['  token        none: every program on this machine may run code here']),
    '',
    ...whereFrom(address, args),
    '  to stop      Ctrl-C, or offhand stop',
  ];
  return lines.join('\n');
}

/** How this machine, and others where they can, come to the pool. */
function whereFrom(address: string, { host, tlsCert, tlsClientCa }: ServerArguments): string[] {
  if (!tlsCert) {
    return [
      `  from here    const pool = await connect('${address}');   or offhand run FILE#EXPORT --address ${address}`,
    ];
  }
  const shown = tlsClientCa ? ' OFFHAND_TLS_CERT=… OFFHAND_TLS_KEY=…' : '';
  return [
    '  from here    const pool = await connect();   or offhand run FILE#EXPORT',
    ...(isLoopback(host)
      ? []
      : [
          `  elsewhere    OFFHAND_ADDRESS=${address} OFFHAND_TOKEN=… OFFHAND_TLS_CA=…${shown} and the same (docs/tls.md)`,
        ]),
  ];
}
