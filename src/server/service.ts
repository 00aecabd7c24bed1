import { PoolError } from '../core/errors.js';
import { clientId, workerId } from '../core/ids.js';
import { POLICIES, type PolicyName } from '../core/scheduler/placement.js';
import { MAX_SLOTS } from '../core/scheduler/registry.js';
import { answer } from '../wire/answer.js';
import { formatAddress, parseAddress } from '../wire/address.js';
import { callerOf } from '../wire/caller.js';
import type { AttachRequest__Output } from '../wire/generated/offhand/v1/AttachRequest.js';
import type { CoordinatorHandlers } from '../wire/generated/offhand/v1/Coordinator.js';
import type { ClusterDocument } from '../wire/generated/offhand/v1/ClusterDocument.js';
import type { StatusDocument } from '../wire/generated/offhand/v1/StatusDocument.js';
import type { WorkerMessage__Output } from '../wire/generated/offhand/v1/WorkerMessage.js';
import { listHash, type NamedFunction } from '../wire/functions/named.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import { hear } from '../wire/server-stream.js';
import type { Coordinator } from './coordinator.js';
import type { Losses } from './losses.js';
import type { Membership } from './membership.js';
import { Sessions } from './sessions.js';
import { UnaryLeases } from './unary-leases.js';
import { type AttachStream, WorkerLink } from './worker-link.js';

/** What answers beside the coordinator. */
interface Rest {
  losses: Losses;
  membership: Membership;
  status: () => Promise<StatusDocument>;
  cluster: () => Promise<ClusterDocument>;
  /** Those that may run; any where undefined. */
  functions: readonly NamedFunction[] | undefined;
  /** Whether callers have to show certificates, wherever in the pool. */
  asksCertificates: boolean;
  /** A client says hello, from this address. */
  greeted: (client: string, from: string) => void;
  stop: (how: { now: boolean }) => void;
}

/** The Coordinator service: decodes, asks the coordinator, encodes. */
export function coordinatorHandlers(
  coordinator: Coordinator,
  { losses, membership, status, cluster, functions, asksCertificates, greeted, stop }: Rest,
): CoordinatorHandlers {
  const leases = new UnaryLeases(coordinator);
  const sessions = new Sessions(coordinator);
  const wanted = { list: listHash(functions), asksCertificates };
  return {
    Handshake(call, respond) {
      answer(call, respond, () => {
        checkProtocol(call.request);
        greeted(callerOf(call), call.getPeer());
        return { version: VERSION, protocol: PROTOCOL, slots: coordinator.members.slots };
      });
    },
    FindFreeWorker(call, respond) {
      const abort = new AbortController();
      // Said of every call when its stream closes; the reason spares an error with a stack each time.
      call.on('cancelled', () => abort.abort('closed'));
      answer(call, respond, () => leases.find(clientId(callerOf(call)), call.request, abort.signal));
    },
    FreeWorker(call, respond) {
      answer(call, respond, () => {
        const { leaseId, requestId } = call.request;
        if (requestId) leases.freeRequest(clientId(callerOf(call)), requestId);
        else leases.free(leaseId);
        return {};
      });
    },
    Session(stream) {
      sessions.open(clientId(callerOf(stream)), stream);
    },
    ExplainLoss(call, respond) {
      answer(call, respond, () => losses.explain(workerId(call.request.workerId)));
    },
    GetStatus(call, respond) {
      answer(call, respond, status);
    },
    GetCluster(call, respond) {
      answer(call, respond, cluster);
    },
    Scale(call, respond) {
      answer(call, respond, async () => ({ workers: await membership.scale(call.request.workers) }));
    },
    SetPolicy(call, respond) {
      answer(call, respond, () => {
        coordinator.policy = policyFrom(call.request.policy);
        return {};
      });
    },
    Drain(call, respond) {
      answer(call, respond, async () => {
        await membership.drain(call.request.worker);
        return {};
      });
    },
    Stop(call, respond) {
      respond(null, {});
      stop(call.request);
    },
    Attach(stream) {
      attach(coordinator, wanted, stream);
    },
  };
}

function policyFrom(text: string): PolicyName {
  const policy = POLICIES.find((name) => name === text);
  if (policy) return policy;
  throw new PoolError('invalid-argument', `policy: expected ${POLICIES.join(', ')}, got ${text || 'none'}`);
}

/** What a worker has to have in common with its pool. */
interface Common {
  /** Hash of the list of what may run; empty for anything. */
  list: string;
  asksCertificates: boolean;
}

function attach(coordinator: Coordinator, wanted: Common, stream: AttachStream): void {
  let link: WorkerLink | undefined;
  let isClean = false;
  hear(
    stream,
    (message: WorkerMessage__Output) => {
      if (message.attach && !link) {
        checkProtocol(message.attach);
        checkSlots(message.attach);
        checkAddresses(message.attach);
        checkList(message.attach.functions, wanted.list);
        if (wanted.asksCertificates) checkAsking(message.attach);
        const replaced = coordinator.members.get(workerId(message.attach.replaces));
        if (replaced) coordinator.lose(replaced);
        link = new WorkerLink(
          { ...message.attach, worker: coordinator.members.nameOf(message.attach) },
          stream,
        );
        coordinator.attach(link);
      } else if (message.leaving) isClean = true;
      else if (link) {
        if (message.attempts) link.onAttempts(message.attempts);
        coordinator.onWorkerMessage(link, message);
      }
    },
    () => {
      if (link) coordinator.detach(link, isClean);
    },
  );
}

/** A worker that lets something else run would make nothing of the list. @throws PoolError `not-allowed` */
function checkList(theirs: string, ours: string): void {
  if (theirs === ours) return;
  const what =
    ours === ''
      ? 'this pool runs any function, and this worker registered ones only: start it without --code named'
      : `this pool runs registered functions only, and this worker ${theirs === '' ? 'any' : 'those of another list'}: ` +
        "start it with --code named, and --functions with a copy of the server's file";
  throw new PoolError('not-allowed', what);
}

/** A worker's port would be open to whoever has the token alone. @throws PoolError `permission-denied` */
function checkAsking({ asksCertificates }: { asksCertificates: boolean }): void {
  if (asksCertificates) return;
  throw new PoolError(
    'permission-denied',
    'this pool asks its callers for certificates, and this worker would not: start it with --tls-client-ca, as its server is',
  );
}

/** @throws PoolError `invalid-argument` */
function checkSlots({ slots }: { slots: number }): void {
  if (slots > 0 && slots <= MAX_SLOTS) return;
  throw new PoolError('invalid-argument', `slots: expected 1 to ${MAX_SLOTS}, got ${slots}`);
}

/** Clients dial them, and so does this process. @throws PoolError `invalid-argument` */
function checkAddresses({ host, port, slots, slotAddresses }: AttachRequest__Output): void {
  parseAddress(formatAddress({ host, port }), 'host, port');
  if (slotAddresses.length !== slots)
    throw new PoolError(
      'invalid-argument',
      `slot_addresses: expected one for each of ${slots} slots, got ${slotAddresses.length}`,
    );
  for (const [slot, address] of slotAddresses.entries())
    if (!address.startsWith('unix:')) parseAddress(address, `slot_addresses[${slot}]`);
}

/** @throws PoolError `version-mismatch` */
function checkProtocol({ version, protocol }: { version: string; protocol: number }): void {
  if (protocol === PROTOCOL) return;
  throw new PoolError(
    'version-mismatch',
    `this pool runs offhand ${VERSION} (protocol ${PROTOCOL}) and cannot talk to offhand ${version || 'unknown'} ` +
      `(protocol ${protocol}); install the same version on both sides`,
  );
}
