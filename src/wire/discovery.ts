import { type ServiceError, status } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { type Address, formatAddress, parsePortRange, portsOf } from './address.js';
import { type Credentials, dial } from './credentials.js';
import { toStatus } from './errors.js';
import type { DiscoveryHandlers } from './generated/offhand/v1/Discovery.js';
import type { MeetResponse__Output } from './generated/offhand/v1/MeetResponse.js';
import { adoptProof, isNonce, isSameProof, meetProof, newNonce, type Role } from './proof.js';
import { DiscoveryClient } from './proto.js';
import { PROTOCOL, VERSION } from './protocol.js';
import type { CoordinatorPlace, SearchRange } from './process-messages.js';

/** How long whoever is on a port has to answer, in ms. */
const ANSWER_LIMIT_MS = 3_000;

/** Ports that are knocked at side by side. */
const AT_ONCE = 16;

/** Reads `HOST:FROM-TO`. @throws PoolError `invalid-argument` */
export function parseSearchRange(text: string, name: string): SearchRange {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):([\d-]+)$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  if (!host)
    throw new PoolError('invalid-argument', `${name}: expected HOST:FROM-TO, got ${JSON.stringify(text)}`);
  return { host, ports: portsOf(parsePortRange(match?.[3] ?? '', name)) };
}

/** Who answered on a port, and has shown that it knows the token. */
export interface Met extends Address {
  /** Of a worker: what taking it on answers to. */
  readonly nonce: Buffer;
}

/** Looks at all these ports for one side of a pool with this token. Yields them as they answer. */
export async function* search(
  ranges: readonly SearchRange[],
  role: Role,
  credentials: Credentials,
): AsyncGenerator<Met, void, void> {
  const places = ranges.flatMap(({ host, ports }) => ports.map((port) => ({ host, port })));
  for (let first = 0; first < places.length; first += AT_ONCE) {
    const answers = places.slice(first, first + AT_ONCE).map((place) => meet(place, role, credentials));
    for (const met of await Promise.all(answers)) if (met) yield met;
  }
}

/** Undefined where nobody answers, or somebody who is not of this pool. */
async function meet(place: Address, role: Role, credentials: Credentials): Promise<Met | undefined> {
  const nonce = newNonce();
  const client = dial(DiscoveryClient, formatAddress(place), credentials);
  try {
    const answer = await new Promise<MeetResponse__Output | undefined>((resolve) => {
      const request = { nonce, version: VERSION, protocol: PROTOCOL };
      client.meet(request, { deadline: Date.now() + ANSWER_LIMIT_MS }, (error, response) =>
        resolve(error ? undefined : response),
      );
    });
    if (answer?.role !== role || answer.protocol !== PROTOCOL) return undefined;
    const { port } = place;
    const expected = meetProof(credentials.token, { role, port, asked: nonce, own: answer.nonce });
    return isSameProof(answer.proof, expected) ? { ...place, nonce: answer.nonce } : undefined;
  } finally {
    client.close();
  }
}

/** Takes on a worker that was met. @throws PoolError in its words where it says no, or is gone. */
export async function adopt(
  worker: Met,
  coordinator: CoordinatorPlace,
  credentials: Credentials,
): Promise<void> {
  const client = dial(DiscoveryClient, formatAddress(worker), credentials);
  const proof = adoptProof(credentials.token, worker.nonce, coordinator);
  try {
    await new Promise<void>((resolve, reject) => {
      const request = { nonce: worker.nonce, proof, ...coordinator };
      client.adopt(request, { deadline: Date.now() + ANSWER_LIMIT_MS }, (error) =>
        error ? reject(refusal(error)) : resolve(),
      );
    });
  } finally {
    client.close();
  }
}

function refusal({ code, details }: ServiceError): PoolError {
  return new PoolError(code === status.PERMISSION_DENIED ? 'permission-denied' : 'unavailable', details);
}

/** Answers `Discovery.Meet`. @param own makes the nonce of an answer. */
export function meetHandler(
  role: Role,
  portOf: () => number,
  token: string | undefined,
  own: () => Buffer = newNonce,
): DiscoveryHandlers['Meet'] {
  return (call, respond) => {
    try {
      const { nonce: asked } = call.request;
      if (!isNonce(asked))
        throw new PoolError('invalid-argument', `nonce: expected 32 bytes, got ${asked.length}`);
      const nonce = own();
      const proof = meetProof(token, { role, port: portOf(), asked, own: nonce });
      respond(null, { role, nonce, proof, version: VERSION, protocol: PROTOCOL });
    } catch (error) {
      respond(toStatus(error));
    }
  };
}
