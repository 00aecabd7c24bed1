import { dirname, join } from 'node:path';
import { parseDurationMs } from '../../core/duration.js';
import { MAX_WORKERS, type ScaleLimits } from '../../core/autoscaler.js';
import { PoolError } from '../../core/errors.js';
import { parseSizeBytes } from '../../core/size.js';
import { HTTP_DEFAULTS, type HttpOptions } from '../../http/options.js';
import { DEFAULT_PORT, type PortRange } from '../../wire/address.js';
import { parseSearchRange } from '../../wire/discovery.js';
import type { QueueOptions, ServerOptions } from '../../wire/process-messages.js';
import { usableCores } from '../../host/cpu-limit.js';
import type { PolicyName } from '../../core/scheduler/placement.js';
import { storeFrom } from './store-options.js';
import { ensureFullToken } from './full-token.js';
import { outputFolder } from './output-folder.js';
import { wholeNumber } from './whole-number.js';
import type { WorkerFlags } from './worker-flags.js';
import { resolveWorkerFlags } from './worker-options.js';

/** The flags of `offhand server`, as typed. */
export interface ServerArguments extends WorkerFlags {
  workers: string | undefined;
  port: string | undefined;
  min: string | undefined;
  max: string | undefined;
  idleTimeout: string;
  discover: string[] | undefined;
  profile: string | boolean | undefined;
  profileInterval: string;
  policy: PolicyName;
  eventLog: string | undefined;
  heartbeatInterval: string;
  workerTimeout: string;
  store: string;
  storeReplicas: string | undefined;
  storeCreds: string | undefined;
  storeTlsCa: string | undefined;
  storeTlsCert: string | undefined;
  storeTlsKey: string | undefined;
  keepResults: string;
  keepCount: string;
  maxQueued: string;
  http: boolean;
  httpPort: string | undefined;
  httpAllowHost: string[] | undefined;
  httpAllowOrigin: string[] | undefined;
  httpMaxBody: string;
  httpRate: string;
}

/** How many ports to try when none was named. */
const PORT_TRIES = 100;

/** @throws PoolError `invalid-argument`, naming the flag, what was expected and what arrived. */
export function resolveServerOptions(args: ServerArguments): ServerOptions {
  const scaleLimits = scaleLimitsOf(args);
  const workers = numberOfWorkers(args, scaleLimits);
  const most = Math.max(workers, scaleLimits?.max ?? 0);
  const { ports: workerPorts, tls, ...resolved } = resolveWorkerFlags(args, most);
  return {
    ...resolved,
    workers,
    workerPorts,
    ports: portsToTry('--port', args.port, DEFAULT_PORT, workerPorts),
    credentials: { token: args.auth ? ensureFullToken() : undefined, tls },
    profile: profileFile(args.profile, workers),
    profileIntervalMs: intervalMs(args.profileInterval),
    policy: args.policy,
    tagsByWorker: [],
    eventLog: args.eventLog,
    logPretty: process.stderr.isTTY,
    ...liveness(args),
    scaleLimits,
    discover: (args.discover ?? []).map((range) => parseSearchRange(range, '--discover')),
    queue: queueOptions(args),
    announce: true,
    standardServices: true,
  };
}

/** One of the two is enough: the other is the number of workers it starts with. */
function scaleLimitsOf({ workers, min, max, idleTimeout }: ServerArguments): ScaleLimits | undefined {
  if (min === undefined && max === undefined) return undefined;
  const given = workers === undefined ? undefined : wholeNumber('workers', workers, 1, MAX_WORKERS);
  const least = min === undefined ? (given ?? 1) : wholeNumber('--min', min, 0, MAX_WORKERS);
  const most =
    max === undefined ? Math.max(least, given ?? usableCores()) : wholeNumber('--max', max, 1, MAX_WORKERS);
  if (least > most || (given !== undefined && (given < least || given > most))) {
    const within = given === undefined ? '' : `, and the ${given} workers to begin with within them`;
    throw new PoolError(
      'invalid-argument',
      `--min ${least} --max ${most}: expected the least first${within}`,
    );
  }
  return { min: least, max: most, idleMs: parseDurationMs(idleTimeout, '--idle-timeout') };
}

function numberOfWorkers({ workers }: ServerArguments, limits: ScaleLimits | undefined): number {
  if (workers !== undefined) return wholeNumber('workers', workers, 1, MAX_WORKERS);
  return limits?.min ?? usableCores();
}

/** A port that was named is the only one; otherwise the next free one outside the workers' range will do. */
function portsToTry(
  flag: string,
  given: string | undefined,
  from: number,
  { first, last }: PortRange,
): number[] {
  if (given !== undefined) return [wholeNumber(flag, given, 1, 65_535)];
  const ports: number[] = [];
  for (let port = from; ports.length < PORT_TRIES && port <= 65_535; port++) {
    if ((port !== HTTP_DEFAULTS.port || from === HTTP_DEFAULTS.port) && (port < first || port > last))
      ports.push(port);
  }
  return ports;
}

/** How the HTTP service is started; undefined where there is to be none. @throws PoolError `invalid-argument` */
export function resolveHttpOptions(
  args: ServerArguments,
  { host, advertise, credentials, workerPorts }: ServerOptions,
): HttpOptions | undefined {
  if (!args.http) return undefined;
  // The ports of a server always have a range.
  const taken = workerPorts ?? { first: 0, last: 0 };
  return {
    host,
    advertise,
    credentials,
    ports: portsToTry('--http-port', args.httpPort, HTTP_DEFAULTS.port, taken),
    allowedHosts: (args.httpAllowHost ?? []).map(hostName),
    allowedOrigins: (args.httpAllowOrigin ?? []).map(originFrom),
    maxBodyBytes: parseSizeBytes(args.httpMaxBody, '--http-max-body', 1024),
    requestsPerSecond: wholeNumber('--http-rate', args.httpRate, 1, 1_000_000),
  };
}

function originFrom(given: string): string {
  if (URL.canParse(given) && new URL(given).origin === given) return given;
  throw new PoolError(
    'invalid-argument',
    `--http-allow-origin: expected a site such as https://example.com, without a path, got ${given}`,
  );
}

function hostName(given: string): string {
  if (/^([\w.-]+|\[[\da-f:]+\])$/i.test(given)) return given;
  throw new PoolError('invalid-argument', `--http-allow-host: expected a name without a port, got ${given}`);
}

function profileFile(given: string | boolean | undefined, workers: number): string | undefined {
  if (given === false) return undefined;
  if (typeof given === 'string') {
    outputFolder(dirname(given), dirname(given), '--profile', '');
    return given;
  }
  const folder = outputFolder(undefined, 'profiling', '--profile', 'no profile is written');
  return folder === undefined ? undefined : join(folder, `results_${workers}.csv`);
}

function queueOptions(args: ServerArguments): QueueOptions {
  const { keepResults, keepCount, maxQueued } = args;
  return {
    store: storeFrom(args),
    keepMs: parseDurationMs(keepResults, '--keep-results'),
    keepCount: wholeNumber('--keep-count', keepCount, 0, 100_000_000),
    maxQueued: wholeNumber('--max-queued', maxQueued, 1, 100_000_000),
  };
}

/** A worker whose every second heartbeat is lost still lives. */
function liveness(args: ServerArguments): Pick<ServerOptions, 'heartbeatIntervalMs' | 'workerTimeoutMs'> {
  const heartbeatIntervalMs = parseDurationMs(args.heartbeatInterval, '--heartbeat-interval');
  const workerTimeoutMs = parseDurationMs(args.workerTimeout, '--worker-timeout');
  if (heartbeatIntervalMs < 50) {
    const given = args.heartbeatInterval;
    throw new PoolError('invalid-argument', `--heartbeat-interval: expected at least 50 ms, got ${given}`);
  }
  if (workerTimeoutMs >= 2 * heartbeatIntervalMs) return { heartbeatIntervalMs, workerTimeoutMs };
  throw new PoolError(
    'invalid-argument',
    `--worker-timeout: expected at least twice the --heartbeat-interval of ${heartbeatIntervalMs} ms, ` +
      `got ${args.workerTimeout}`,
  );
}

function intervalMs(text: string): number {
  const ms = parseDurationMs(text, '--profile-interval');
  if (ms >= 10) return ms;
  throw new PoolError('invalid-argument', `--profile-interval: expected at least 10 ms, got ${text}`);
}
