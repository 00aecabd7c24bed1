import { PoolError } from '../core/errors.js';
import { formatAddress } from '../wire/address.js';
import { meetHandler } from '../wire/discovery.js';
import { toStatus } from '../wire/errors.js';
import type { DiscoveryHandlers } from '../wire/generated/offhand/v1/Discovery.js';
import type { CoordinatorPlace } from '../wire/process-messages.js';
import { adoptProof, isSameProof, newNonce } from '../wire/proof.js';

/** Nonces that somebody was told and may still answer to. */
const MAX_NONCES = 64;

export interface RecruitOptions {
  token: string | undefined;
  /** That this worker listens on. */
  portOf: () => number;
  /** Of the coordinator it belongs to; undefined while it belongs to none. */
  belongsTo: () => CoordinatorPlace | undefined;
  onAdopted: (coordinator: CoordinatorPlace) => void;
}

/**
 * The Discovery service of a worker: lets itself be found, and be taken on by the first coordinator that shows that it
 * knows the token. It belongs to one at a time.
 */
export function recruitHandlers({ token, portOf, belongsTo, onAdopted }: RecruitOptions): DiscoveryHandlers {
  const nonces = new Set<string>();
  const makeNonce = () => {
    const nonce = newNonce();
    nonces.add(nonce.toString('hex'));
    for (const oldest of nonces) {
      if (nonces.size <= MAX_NONCES) break;
      nonces.delete(oldest);
    }
    return nonce;
  };
  return {
    Meet: meetHandler('worker', portOf, token, makeNonce),
    Adopt(call, respond) {
      const { nonce, host, port, certifiedFor, proof } = call.request;
      const place = { host, port, certifiedFor };
      try {
        if (!nonces.delete(nonce.toString('hex')))
          throw new PoolError('permission-denied', 'nonce: not one that this worker has given; ask again');
        if (!isSameProof(proof, adoptProof(token, nonce, place)))
          throw new PoolError('unauthenticated', "proof: not made with this pool's token");
        const own = belongsTo();
        if (own && !isSamePlace(own, place)) {
          const message = `this worker belongs to the coordinator at ${formatAddress(own)}, and to one at a time`;
          throw new PoolError('permission-denied', message);
        }
        if (!own) onAdopted(place);
        respond(null, {});
      } catch (error) {
        respond(toStatus(error));
      }
    },
  };
}

function isSamePlace(one: CoordinatorPlace, other: CoordinatorPlace): boolean {
  return one.host === other.host && one.port === other.port;
}
