import type * as jetstream from '@nats-io/jetstream';
import type * as kv from '@nats-io/kv';
import type * as obj from '@nats-io/obj';
import type * as transport from '@nats-io/transport-node';
import { PoolError } from '../core/errors.js';

/** What speaks with NATS: optional packages, loaded by whoever names a cluster. */
export interface NatsLibraries {
  readonly transport: typeof transport;
  readonly jetstream: typeof jetstream;
  readonly kv: typeof kv;
  readonly obj: typeof obj;
}

/** @throws PoolError `invalid-argument` where they are not installed */
export async function loadNats(): Promise<NatsLibraries> {
  try {
    const loaded = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
      import('@nats-io/kv'),
      import('@nats-io/obj'),
    ]);
    return { transport: loaded[0], jetstream: loaded[1], kv: loaded[2], obj: loaded[3] };
  } catch (error) {
    throw new PoolError(
      'invalid-argument',
      'nats:// needs packages that are not installed: npm install @nats-io/transport-node @nats-io/jetstream @nats-io/kv @nats-io/obj',
      { cause: error },
    );
  }
}
