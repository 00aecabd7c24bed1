import { resolve } from 'node:path';
import { isClusterAddress, parseClusterAddress } from '../../cluster/address.js';
import { PoolError } from '../../core/errors.js';
import type { QueueOptions } from '../../wire/process-messages.js';
import type { ServerArguments } from './server-options.js';
import { wholeNumber } from './whole-number.js';

/** How many servers of NATS may have each task. */
const MAX_REPLICAS = 5;

/** Where submitted tasks are kept. @throws PoolError `invalid-argument` */
export function storeFrom(args: ServerArguments): QueueOptions['store'] {
  const { store, storeReplicas, storeCreds, storeTlsCa, storeTlsCert, storeTlsKey } = args;
  if (isClusterAddress(store)) {
    const files = { creds: storeCreds, ca: storeTlsCa, cert: storeTlsCert, key: storeTlsKey };
    const cluster = parseClusterAddress(store, '--store', files);
    return { cluster, replicas: wholeNumber('--store-replicas', storeReplicas ?? '1', 1, MAX_REPLICAS) };
  }
  for (const [flag, given] of Object.entries({
    storeReplicas,
    storeCreds,
    storeTlsCa,
    storeTlsCert,
    storeTlsKey,
  }))
    if (given !== undefined)
      throw new PoolError(
        'invalid-argument',
        `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for --store nats://…, and the store is ${store}`,
      );
  if (store === 'memory') return 'memory';
  const folder = /^file:(.+)$/.exec(store)?.[1];
  if (folder !== undefined) return { folder: resolve(folder) };
  throw new PoolError(
    'invalid-argument',
    `--store: expected memory, file:DIR or nats://HOST:PORT,…, got ${store}`,
  );
}
