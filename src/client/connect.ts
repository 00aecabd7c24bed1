import { randomUUID } from 'node:crypto';
import { PoolError } from '../core/errors.js';
import { type Address, parseAddress } from '../wire/address.js';
import { livePools } from '../host/pool-files.js';
import { checkToken, findToken } from '../host/token.js';
import { CoordinatorLink } from './coordinator-link.js';
import { DirectExecutor, type ExecutorSettings } from './direct-executor.js';
import { InlineExecutor } from './inline-executor.js';
import { checkKeys, checkNumber, refuse } from './options.js';
import { Pool } from './pool.js';

export interface ConnectOptions {
  /** The pool's token. @default `OFFHAND_TOKEN`, else this user's token file */
  token?: string;
  /** For how long calls wait for a coordinator that is gone, in ms; it may be started again. @default 30000 */
  reconnectTimeoutMs?: number;
}

const RECONNECT_TIMEOUT_MS = 30_000;

/** Port of a pool unless told otherwise. */
export const DEFAULT_PORT = 4999;

/**
 * Connects to a running pool.
 *
 * @param address `host:port`. Default: `OFFHAND_ADDRESS`, else the one pool that runs on this machine.
 * @throws PoolError `unavailable` when no pool answers, `unauthenticated` when it does not know the token,
 * `version-mismatch`, `invalid-argument`
 */
export async function connect(address?: string, options: ConnectOptions = {}): Promise<Pool> {
  checkKeys('connect', options, ['token', 'reconnectTimeoutMs']);
  checkNumber('reconnectTimeoutMs', options.reconnectTimeoutMs, { above: -1, unit: ' of ms' });
  if (address !== undefined && typeof address !== 'string') refuse('address', 'HOST:PORT', address);
  if (process.env['OFFHAND_INLINE'] === '1') return new Pool(new InlineExecutor());
  if (options.token !== undefined && typeof options.token !== 'string')
    refuse('token', 'a string', options.token);
  const reconnectMs = options.reconnectTimeoutMs ?? RECONNECT_TIMEOUT_MS;
  const token = checkToken(options.token ?? findToken());
  return new Pool(await connectExecutor(findAddress(address), token, { reconnectMs }));
}

/** Dials, and makes sure that a pool answers. */
export async function connectExecutor(
  address: Address,
  token: string | undefined,
  settings: Omit<ExecutorSettings, 'slots'>,
): Promise<DirectExecutor> {
  const coordinator = new CoordinatorLink(address, token, randomUUID());
  try {
    const { slots } = await coordinator.handshake();
    return new DirectExecutor(coordinator, token, { slots, ...settings });
  } catch (error) {
    coordinator.close();
    throw error;
  }
}

/** The address given, the environment's, or that of the one live pool of this machine. @throws PoolError */
export function findAddress(given: string | undefined): Address {
  if (given !== undefined) return parseAddress(given, 'address', DEFAULT_PORT);
  const fromEnv = process.env['OFFHAND_ADDRESS'];
  if (fromEnv) return parseAddress(fromEnv, 'OFFHAND_ADDRESS', DEFAULT_PORT);
  const pools = livePools();
  const [only] = pools;
  if (!only) {
    throw new PoolError(
      'unavailable',
      'no pool runs on this machine; start one with `offhand server`, or give an address',
    );
  }
  if (pools.length === 1) return parseAddress(only.address, 'address');
  const list = pools.map((pool) => pool.address).join(', ');
  throw new PoolError(
    'invalid-argument',
    `several pools run on this machine (${list}); say which one by its address`,
  );
}
