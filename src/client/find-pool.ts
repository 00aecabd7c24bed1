import {
  type ClusterAddress,
  type ClusterFiles,
  isClusterAddress,
  parseClusterAddress,
} from '../cluster/address.js';
import type { Announcement } from '../cluster/announcement.js';
import { PoolError } from '../core/errors.js';
import { livePools } from '../host/pool-files.js';
import { type Address, DEFAULT_PORT, parseAddress } from '../wire/address.js';
import type { Tls } from '../wire/credentials.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import { CLIENT_ID } from './direct/direct-task.js';
import { firstAnswering } from './first-answering.js';

/** Where a pool is, and what it is dialled with. */
export interface FoundPool {
  readonly at: Address;
  readonly tls: Tls | undefined;
  /** Of a NATS cluster: the coordinators that are there at the time, the nearest first. */
  readonly others?: () => Promise<Address[]>;
}

/**
 * Where the pool is, and the TLS to dial it with: at the address given, the environment's, or the one live pool of this
 * machine. Of those that share a NATS cluster, the first that lets us in.
 *
 * @param tlsTo what a pool that is not found by its own file is dialled with.
 * @throws PoolError
 */
export async function findPool(
  given: string | undefined,
  token: string | undefined,
  tlsTo: () => Tls | undefined,
): Promise<FoundPool> {
  const named = given ?? (process.env['OFFHAND_ADDRESS'] || undefined);
  if (named === undefined) return findHere();
  const what = given === undefined ? 'OFFHAND_ADDRESS' : 'address';
  if (isClusterAddress(named))
    return findInCluster(parseClusterAddress(named, what, filesFrom()), token, tlsTo());
  return { at: parseAddress(named, what, DEFAULT_PORT), tls: tlsTo() };
}

async function findInCluster(
  cluster: ClusterAddress,
  token: string | undefined,
  given: Tls | undefined,
): Promise<FoundPool> {
  const { findCoordinators } = await import('../cluster/find.js');
  const there = await findCoordinators(cluster);
  checkProtocols(there);
  // Its own machine's pool says by its file what it is trusted by, and so are those of the same authority.
  const tls = given ?? livePools().find((pool) => there.some(({ address }) => address === pool.address))?.tls;
  const at = await firstAnswering(placesOf(there), { token, tls }, CLIENT_ID);
  return { at, tls, others: async () => placesOf(await findCoordinators(cluster)) };
}

function placesOf(announced: readonly Announcement[]): Address[] {
  const ours = announced.filter(({ protocol }) => protocol === PROTOCOL);
  return ours.map(({ address }) => parseAddress(address, 'address'));
}

/** @throws PoolError `version-mismatch` where none of them speaks as we do */
function checkProtocols(announced: readonly Announcement[]): void {
  if (announced.some(({ protocol }) => protocol === PROTOCOL)) return;
  const versions = [...new Set(announced.map(({ version }) => version))].join(', ');
  throw new PoolError(
    'version-mismatch',
    `the coordinators there run offhand ${versions}, and this is ${VERSION}; install the same version on both sides`,
  );
}

/** The files of NATS, by the same names that `offhand server` takes them from. */
function filesFrom(env: NodeJS.ProcessEnv = process.env): ClusterFiles {
  const of = (name: string) => env[`OFFHAND_STORE_${name}`] || undefined;
  return { creds: of('CREDS'), ca: of('TLS_CA'), cert: of('TLS_CERT'), key: of('TLS_KEY') };
}

/** By its file, in a folder that is this user's alone. */
function findHere(): FoundPool {
  const pools = livePools();
  const [only] = pools;
  if (!only) {
    throw new PoolError(
      'unavailable',
      'no pool runs on this machine; start one with `offhand server`, or give an address',
    );
  }
  if (pools.length === 1) return { at: parseAddress(only.address, 'address'), tls: only.tls };
  const list = pools.map((pool) => pool.address).join(', ');
  throw new PoolError(
    'invalid-argument',
    `several pools run on this machine (${list}); say which one by its address`,
  );
}
