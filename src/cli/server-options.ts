import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, PoolError } from '../core/errors.js';
import { memoryLimits } from '../core/memory-limits.js';
import { DEFAULT_PORT, isOneMachine, parsePortRange, type PortRange, portsOf } from '../wire/address.js';
import { parseDurationMs } from './duration.js';
import { ensureToken } from '../host/token.js';
import type { ServerOptions } from '../wire/process-messages.js';
import { usableCores } from '../host/cpu-limit.js';
import { makeFolder } from '../host/folder.js';
import { tagSet } from '../core/tags.js';
import type { LogLevel } from '../core/log-level.js';
import type { PolicyName } from '../core/placement.js';
import { type ReachArguments, resolveReach } from './server-reach.js';

/** The flags of `offhand server`, as typed. */
export interface ServerArguments extends ReachArguments {
  workers: string | undefined;
  port: string | undefined;
  workerPorts: string;
  slots: string;
  profile: string | boolean | undefined;
  profileInterval: string;
  logDir: string | undefined;
  logLevel: LogLevel;
  policy: PolicyName;
  tag: readonly string[] | undefined;
  eventLog: string | undefined;
  coordinatorTimeout: string;
  heartbeatInterval: string;
  workerTimeout: string;
  drainTimeout: string;
  maxRss: string | undefined;
  maxHeap: string | undefined;
}

/** Where the HTTP service will listen: never taken for the coordinator. */
const HTTP_PORT = 5000;
/** How many ports to try when none was named. */
const PORT_TRIES = 100;

/** @throws PoolError `invalid-argument`, naming the flag, what was expected and what arrived. */
export function resolveServerOptions(args: ServerArguments): ServerOptions {
  const workers =
    args.workers === undefined ? usableCores() : wholeNumber('workers', args.workers, 1, 10_000);
  const workerPorts = parsePortRange(args.workerPorts, '--worker-ports');
  const slots = wholeNumber('--slots', args.slots, 1, 256);
  const { tls, ...reach } = resolveReach(args);
  // Slots that other machines reach listen on ports too.
  const portsEach = isOneMachine(reach) ? 1 : 1 + slots;
  const room = Math.floor(portsOf(workerPorts).length / portsEach);
  if (workers > room) {
    const each = portsEach === 1 ? 'workers' : `workers of ${portsEach} ports`;
    throw new PoolError(
      'invalid-argument',
      `--worker-ports ${args.workerPorts} has room for ${room} ${each}, and ${workers} were asked for; give a wider range`,
    );
  }
  return {
    workers,
    workerPorts,
    ...reach,
    ports: portsToTry(args.port, workerPorts),
    slots,
    credentials: { token: args.auth ? ensureToken() : undefined, tls },
    profile: profileFile(args.profile, workers),
    profileIntervalMs: intervalMs(args.profileInterval),
    logDir: outputFolder(args.logDir, 'logs', '--log-dir', 'no log files are written'),
    logLevel: args.logLevel,
    policy: args.policy,
    eventLog: args.eventLog,
    tags: tagSet(
      args.tag?.flatMap((tags) => tags.split(',')),
      '--tag',
    ).tags,
    logPretty: process.stderr.isTTY,
    coordinatorTimeoutMs: parseDurationMs(args.coordinatorTimeout, '--coordinator-timeout'),
    ...liveness(args),
    drainTimeoutMs: parseDurationMs(args.drainTimeout, '--drain-timeout'),
    ...memoryLimits(args, slots, { maxRss: '--max-rss', maxHeap: '--max-heap' }),
    announce: true,
    standardServices: true,
  };
}

/** A port that was named is the only one; otherwise the next free one outside the workers' range will do. */
function portsToTry(given: string | undefined, { first, last }: PortRange): number[] {
  if (given !== undefined) return [wholeNumber('--port', given, 1, 65_535)];
  const ports: number[] = [];
  for (let port = DEFAULT_PORT; ports.length < PORT_TRIES && port <= 65_535; port++) {
    if (port !== HTTP_PORT && (port < first || port > last)) ports.push(port);
  }
  return ports;
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

/** A folder that was named must be writable; the default one is done without, and that is said. */
function outputFolder(
  given: string | undefined,
  fallback: string,
  flag: string,
  without: string,
): string | undefined {
  const folder = given ?? fallback;
  try {
    makeFolder(folder);
    accessSync(`${folder}/.`, constants.W_OK); // The dot: a file of that name is no folder.
    return folder;
  } catch (error) {
    if (given !== undefined) {
      throw new PoolError(
        'permission-denied',
        `${flag}: the folder ${folder} cannot be written (${messageOf(error)})`,
      );
    }
    console.error(
      `offhand: the folder ${folder} cannot be written, so ${without} (${flag} names another one)`,
    );
    return undefined;
  }
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

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new PoolError(
    'invalid-argument',
    `${name}: expected a whole number from ${least} to ${most}, got ${text}`,
  );
}
