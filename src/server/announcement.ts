import { removePoolFile, writePoolFile } from '../host/pool-files.js';
import type { Credentials } from '../wire/credentials.js';
import { VERSION } from '../wire/protocol.js';
import type { Coordinator } from './coordinator.js';
import type { RunningServer } from './server.js';

/** Where a pool is reached. */
export interface PoolPlace {
  address: string;
  port: number;
  http: string | undefined;
}

/** Lets commands and clients of this user find the pool, by a file that tells of its workers, too. @returns takes it away */
export function announcePool(
  place: PoolPlace,
  { tls: credentials }: Credentials,
  workRoot: string | undefined,
  coordinator: Coordinator,
  workers: RunningServer['workers'],
): () => void {
  const { ca, cert, key, clientCa } = credentials ?? {};
  // This user's own clients show what this user's pool shows: the file is theirs alone, as that of the key is.
  const shown = clientCa === undefined ? {} : { cert, key };
  const tls = credentials && { ca, ...shown };
  const pool = { ...place, pid: process.pid, version: VERSION, workRoot, tls };
  const announce = () => writePoolFile({ ...pool, workers: workers() });
  announce();
  coordinator.listen({ attached: announce, gone: announce });
  return () => removePoolFile(pool);
}
