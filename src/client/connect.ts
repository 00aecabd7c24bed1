import { maxValueBytes } from '../wire/values/size-limit.js';
import type { Address } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { checkToken, findToken } from '../host/token.js';
import { CoordinatorLink } from './coordinator-link.js';
import { Lanes } from './direct/lanes.js';
import { InlineExecutor } from './inline/inline-executor.js';
import { CLIENT_ID } from './direct/direct-task.js';
import { Failover } from './failover.js';
import { findPool } from './find-pool.js';
import { checkKeys, checkNumber, refuse } from './options.js';
import { Pool } from './pool.js';
import { TaskClient } from './submitted/task-client.js';
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
 * @param address `host:port`; or `nats://host:port,…`, where coordinators share a NATS cluster: then a coordinator is found
 * there, on this machine if one is, and another one when that is gone. Default: `OFFHAND_ADDRESS`, else the one pool that runs
 * on this machine.
 * @throws PoolError `unavailable` when no pool answers, `unauthenticated` when it does not know the token,
 * `version-mismatch`, `invalid-argument`
 */
export async function connect(address?: string, options: ConnectOptions = {}): Promise<Pool> {
  maxValueBytes(); // Refused here, and not at the first call.
  checkKeys('connect', options, ['token', 'reconnectTimeoutMs', 'tls']);
  checkNumber('reconnectTimeoutMs', options.reconnectTimeoutMs, { least: 0, unit: ' of ms' });
  if (address !== undefined && typeof address !== 'string')
    refuse('address', 'HOST:PORT or nats://…', address);
  if (process.env['OFFHAND_INLINE'] === '1') return new Pool(new InlineExecutor(), undefined);
  if (options.token !== undefined && typeof options.token !== 'string')
    refuse('token', 'a string', options.token);
  const reconnectMs = options.reconnectTimeoutMs ?? RECONNECT_TIMEOUT_MS;
  const given = options.tls === undefined ? undefined : checkTlsOptions(options.tls);
  const token = checkToken(options.token ?? findToken());
  const pool = await findPool(address, token, () => given ?? tlsFromEnvironment());
  return connectPool(pool.at, { token, tls: pool.tls }, { reconnectMs, others: pool.others });
}

/** Of this process: each has its own fair share. */
let connections = 0;

interface PoolSettings {
  reconnectMs: number;
  /** Coordinators that may take the place of one that is gone, the nearest first. */
  others?: (() => Promise<Address[]>) | undefined;
  onClose?: () => Promise<void>;
}

/** Dials, and makes sure that a pool answers. */
export async function connectPool(
  address: Address,
  credentials: Credentials,
  { reconnectMs, others, onClose }: PoolSettings,
): Promise<Pool> {
  const clientId = `${CLIENT_ID}/${++connections}`;
  const coordinator = new CoordinatorLink(address, credentials, clientId);
  if (others)
    coordinator.succeededBy(new Failover(coordinator, others, credentials, { clientId, reconnectMs }));
  try {
    const { slots } = await coordinator.handshake();
    const lanes = new Lanes(coordinator, credentials, { slots, reconnectMs }, onClose);
    return new Pool(lanes, new TaskClient(coordinator, reconnectMs));
  } catch (error) {
    coordinator.close();
    throw error;
  }
}
