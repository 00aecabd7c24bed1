import { maxValueBytes } from '../wire/values/size-limit.js';
import { PoolError } from '../core/errors.js';
import { type Address, DEFAULT_PORT, parseAddress } from '../wire/address.js';
import type { Credentials, Tls } from '../wire/credentials.js';
import { livePools } from '../host/pool-files.js';
import { checkToken, findToken } from '../host/token.js';
import { CoordinatorLink } from './coordinator-link.js';
import { Lanes } from './lanes.js';
import { InlineExecutor } from './inline-executor.js';
import { CLIENT_ID } from './direct-task.js';
import { checkKeys, checkNumber, refuse } from './options.js';
import { Pool } from './pool.js';
import { TaskClient } from './task-client.js';
import { checkTlsOptions, tlsFromEnvironment, type TlsOptions } from './tls.js';

export interface ConnectOptions {
  /** The pool's token. @default `OFFHAND_TOKEN`, else this user's token file */
  token?: string;
  /** For how long calls wait for a coordinator that is gone, in ms; it may be started again. @default 30000 */
  reconnectTimeoutMs?: number;
  /**
   * TLS for the way to the pool at `address`. A pool that is found on this machine says by itself what it needs, and one on
   * another machine is never talked to without TLS.
   *
   * @default the files that `OFFHAND_TLS_CA`, `OFFHAND_TLS_CERT` and `OFFHAND_TLS_KEY` name
   */
  tls?: TlsOptions | undefined;
}

const RECONNECT_TIMEOUT_MS = 30_000;

/**
 * Connects to a running pool.
 *
 * @param address `host:port`. Default: `OFFHAND_ADDRESS`, else the one pool that runs on this machine.
 * @throws PoolError `unavailable` when no pool answers, `unauthenticated` when it does not know the token,
 * `version-mismatch`, `invalid-argument`
 */
export async function connect(address?: string, options: ConnectOptions = {}): Promise<Pool> {
  maxValueBytes(); // Refused here, and not at the first call.
  checkKeys('connect', options, ['token', 'reconnectTimeoutMs', 'tls']);
  checkNumber('reconnectTimeoutMs', options.reconnectTimeoutMs, { above: -1, unit: ' of ms' });
  if (address !== undefined && typeof address !== 'string') refuse('address', 'HOST:PORT', address);
  if (process.env['OFFHAND_INLINE'] === '1') return new Pool(new InlineExecutor(), undefined);
  if (options.token !== undefined && typeof options.token !== 'string')
    refuse('token', 'a string', options.token);
  const reconnectMs = options.reconnectTimeoutMs ?? RECONNECT_TIMEOUT_MS;
  const given = options.tls === undefined ? undefined : checkTlsOptions(options.tls);
  const token = checkToken(options.token ?? findToken());
  const { tls, ...pool } = findPool(address, () => given ?? tlsFromEnvironment());
  return connectPool(pool, { token, tls }, { reconnectMs });
}

/** Of this process: each has its own fair share. */
let connections = 0;

/** Dials, and makes sure that a pool answers. */
export async function connectPool(
  address: Address,
  credentials: Credentials,
  settings: { reconnectMs: number; onClose?: () => Promise<void> },
): Promise<Pool> {
  const coordinator = new CoordinatorLink(address, credentials, `${CLIENT_ID}/${++connections}`);
  try {
    const { slots } = await coordinator.handshake();
    const { reconnectMs, onClose } = settings;
    const lanes = new Lanes(coordinator, credentials, { slots, reconnectMs }, onClose);
    return new Pool(lanes, new TaskClient(coordinator, reconnectMs));
  } catch (error) {
    coordinator.close();
    throw error;
  }
}

/**
 * Where the pool is, and the TLS to dial it with: at the address given, the environment's, or the one live pool of this
 * machine.
 *
 * @param tlsTo what a pool that is not found by its own file is dialled with.
 * @throws PoolError
 */
export function findPool(
  given: string | undefined,
  tlsTo: () => Tls | undefined,
): Address & { tls: Tls | undefined } {
  if (given !== undefined) return { ...parseAddress(given, 'address', DEFAULT_PORT), tls: tlsTo() };
  const fromEnv = process.env['OFFHAND_ADDRESS'];
  if (fromEnv) return { ...parseAddress(fromEnv, 'OFFHAND_ADDRESS', DEFAULT_PORT), tls: tlsTo() };
  const pools = livePools();
  const [only] = pools;
  if (!only) {
    throw new PoolError(
      'unavailable',
      'no pool runs on this machine; start one with `offhand server`, or give an address',
    );
  }
  if (pools.length === 1) return { ...parseAddress(only.address, 'address'), tls: only.tls };
  const list = pools.map((pool) => pool.address).join(', ');
  throw new PoolError(
    'invalid-argument',
    `several pools run on this machine (${list}); say which one by its address`,
  );
}
