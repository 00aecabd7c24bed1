import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { messageOf, PoolError } from '../core/errors.js';
import { LivedClock } from '../core/lived-clock.js';
import { formatAddress } from '../wire/address.js';
import { COORDINATOR_OPTIONS } from '../wire/channel.js';
import { callMetadata, dial } from '../wire/credentials.js';
import { fromServiceError, isAnswer } from '../wire/errors.js';
import type { CoordinatorMessage__Output } from '../wire/generated/offhand/v1/CoordinatorMessage.js';
import type { WorkerMessage } from '../wire/generated/offhand/v1/WorkerMessage.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import type { Logger } from '../host/logger.js';
import { listHash } from '../wire/functions/named.js';
import { CoordinatorClient } from '../wire/proto.js';
import { PROTOCOL, VERSION } from '../wire/protocol.js';
import type { CoordinatorPlace, WorkerOptions } from '../wire/process-messages.js';
import { AttemptTeller } from './attempt-teller.js';
import { Reporter } from './reporter.js';
import type { Worker } from './worker.js';

/** How long the coordinator may take to read the good-bye, in ms; without an answer it is hung up on. */
const FAREWELL_MS = 1_000;

/** How long to wait before dialling again, in ms. */
const REDIAL_MS = 200;

/** How often the clock is looked at, and with it whether the coordinator has fallen silent, in ms. */
const TICK_MS = 250;

export interface AttachmentEvents {
  attached(name: string): void;
  drain(withinMs: number): void;
  /** The coordinator refused this worker, or was gone for too long. */
  ended(reason: PoolError): void;
}

export type AttachmentOptions = WorkerOptions & {
  coordinator: CoordinatorPlace;
  /** That it is known by; empty where its coordinator is to give it one. */
  name: string;
  /** Whether it has come by itself. */
  isJoined: boolean;
};

type Stream = ClientDuplexStream<WorkerMessage, CoordinatorMessage__Output>;

/**
 * A worker's tie to its coordinator: one stream, opened by the worker, dialled again when it breaks or falls silent.
 *
 * A coordinator that has not heard of this worker for its `worker-timeout` counts it as lost, and its leases as over. So
 * after as long a silence nothing more begins under them here either; what runs goes on. A coordinator that stays away
 * for `coordinatorTimeoutMs` is given up.
 */
export class Attachment {
  readonly #worker: Worker;
  readonly #options: AttachmentOptions;
  readonly #stateOf: () => WorkerState;
  readonly #events: AttachmentEvents;
  readonly #log: Logger;
  readonly #client: InstanceType<typeof CoordinatorClient>;
  #name: string;
  #stream: Stream | undefined;
  #reporter: Reporter | undefined;
  readonly #teller: AttemptTeller;
  #redial: NodeJS.Timeout | undefined;
  readonly #clock = new LivedClock(() => performance.now());
  readonly #tick: NodeJS.Timeout;
  /** When the coordinator was last heard of, or first dialled. */
  #heardAt: number;
  #dialledAt = 0;
  #heartbeatAt = 0;
  /** As the coordinator last told them. */
  #liveness: { heartbeatIntervalMs: number; workerTimeoutMs: number } | undefined;
  #isClosed = false;

  constructor(
    worker: Worker,
    options: AttachmentOptions,
    stateOf: () => WorkerState,
    events: AttachmentEvents,
    log: Logger,
  ) {
    this.#worker = worker;
    this.#options = options;
    this.#stateOf = stateOf;
    this.#events = events;
    this.#log = log;
    this.#name = options.name;
    const { coordinator, credentials } = options;
    const { certifiedFor } = coordinator;
    const how = { certifiedFor, options: COORDINATOR_OPTIONS };
    this.#client = dial(CoordinatorClient, formatAddress(coordinator), credentials, how);
    this.#teller = new AttemptTeller(worker.boards, (attempts) => this.#send({ attempts }));
    worker.onLeaseEnding = (leaseEnding) => this.#send({ leaseEnding });
    worker.onLeaseEnded = (leaseEnded) => this.#send({ leaseEnded });
    this.#heardAt = this.#clock.now();
    this.#tick = setInterval(() => this.#watch(), TICK_MS);
    this.#dial();
  }

  /** The coordinator this worker belongs to; undefined when that is gone. */
  get belongsTo(): CoordinatorPlace | undefined {
    const { coordinator } = this.#options;
    return this.#isCutOff ? undefined : coordinator;
  }

  /** No more leases are wanted. */
  announceDrain(): void {
    this.#send({ draining: {} });
  }

  /** Says good-bye with the final counters, and hangs up. */
  async leave(): Promise<void> {
    this.#reporter?.report();
    this.#teller.tell();
    this.#send({ leaving: {} });
    await this.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#redial);
    clearInterval(this.#tick);
    this.#reporter?.stop();
    this.#teller.watch(0);
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream) {
      stream.end();
      // The coordinator closes its side when it has read everything.
      const timer = setTimeout(() => stream.cancel(), FAREWELL_MS);
      await new Promise((resolve) => stream.once('status', resolve));
      clearTimeout(timer);
    }
    this.#client.close();
  }

  #dial(): void {
    this.#dialledAt = this.#clock.now();
    const stream = this.#client.attach(callMetadata(this.#options.credentials));
    this.#stream = stream;
    const broken = (error?: ServiceError) => {
      if (stream === this.#stream) this.#onBroken(error);
    };
    stream.on('data', (message: CoordinatorMessage__Output) => {
      if (stream === this.#stream) this.#onMessage(message);
    });
    stream.on('error', broken);
    stream.on('end', () => broken());
    const now = performance.now();
    this.#send({
      attach: {
        workerId: this.#worker.id,
        worker: this.#name,
        joined: this.#options.isJoined,
        replaces: this.#options.replaces?.id ?? '',
        ...this.#address(),
        slots: this.#worker.slots,
        version: VERSION,
        protocol: PROTOCOL,
        epochs: this.#worker.leases.epochs,
        leases: this.#worker.leases.uses(now),
        slotAddresses: this.#worker.slotAddresses,
        tags: [...this.#options.tags],
        functions: listHash(this.#options.functions),
        asksCertificates: this.#options.credentials.tls?.clientCa !== undefined,
      },
    });
  }

  #address(): { host: string; port: number; pid: number } {
    const { host = '', port = 0, pid = 0 } = this.#stateOf();
    return { host, port, pid };
  }

  #send(message: WorkerMessage): void {
    this.#stream?.write(message);
  }

  #onMessage(message: CoordinatorMessage__Output): void {
    const { attached, endLease, stateQuery, drain, watchAttempts } = message;
    this.#heardAt = this.#clock.now();
    if (attached) {
      this.#name = attached.worker;
      const coordinator = formatAddress(this.#options.coordinator);
      this.#log.info({ worker: this.#name, coordinator }, 'attached');
      this.#liveness = attached;
      this.#worker.attached(attached.signingKey, attached.overUpTo);
      this.#reporter?.stop();
      this.#reporter = new Reporter(this.#worker, attached, (report) => this.#send({ report }));
      this.#events.attached(attached.worker);
    } else if (endLease) {
      const { slot, epoch } = endLease;
      void this.#worker.endLease(endLease).then(() => this.#send({ leaseEnded: { slot, epoch } }));
    } else if (stateQuery) {
      this.#send({ state: { query: stateQuery.query, state: this.#stateOf() } });
    } else if (drain) {
      this.#events.drain(drain.withinMs);
    } else if (watchAttempts) {
      this.#teller.watch(watchAttempts.finestMs);
    }
    // Not before it is known which leases are over.
    this.#worker.isCutOff = false;
  }

  #onBroken(error: ServiceError | undefined): void {
    if (this.#isClosed) return;
    this.#stream = undefined;
    this.#reporter?.stop();
    this.#teller.watch(0);
    this.#log.warn({ reason: error && messageOf(error) }, 'the coordinator is gone; dialling again');
    // Dialling again helps against a coordinator that is away, not against one that says no.
    if (error && isAnswer(error)) this.#end(refusalFrom(error));
    else if (this.#isGivenUp) this.#giveUp();
    else this.#redial = setTimeout(() => this.#dial(), REDIAL_MS);
  }

  #watch(): void {
    const now = this.#clock.now();
    const { heartbeatIntervalMs, workerTimeoutMs } = this.#liveness ?? {};
    if (heartbeatIntervalMs !== undefined && now - this.#heartbeatAt >= heartbeatIntervalMs) {
      this.#heartbeatAt = now;
      this.#send({ heartbeat: {} });
    }
    if (workerTimeoutMs !== undefined && this.#isCutOff) {
      this.#worker.isCutOff = true;
      // The machine at the other end may be gone without a word: then only dialling again tells. A worker that ends
      // with its coordinator is told of that end by its supervisor.
      const isOld = now - this.#dialledAt > workerTimeoutMs;
      if (this.#stream && isOld && this.#options.coordinatorTimeoutMs > 0) this.#hangUp();
    }
    if (this.#options.coordinatorTimeoutMs > 0 && this.#isGivenUp) this.#giveUp();
  }

  #hangUp(): void {
    const stream = this.#stream;
    this.#onBroken(undefined);
    stream?.cancel();
  }

  /** For how long nothing was heard of the coordinator, in ms. */
  get #silentMs(): number {
    return this.#clock.now() - this.#heardAt;
  }

  /** Whether the coordinator has not been heard of for so long that it counts this worker as lost. */
  get #isCutOff(): boolean {
    return this.#liveness !== undefined && this.#silentMs > this.#liveness.workerTimeoutMs;
  }

  get #isGivenUp(): boolean {
    return this.#silentMs >= this.#options.coordinatorTimeoutMs;
  }

  #giveUp(): void {
    const address = formatAddress(this.#options.coordinator);
    const message = `the coordinator at ${address} has been gone for ${Math.round(this.#silentMs)} ms`;
    this.#end(new PoolError('unavailable', message));
  }

  #end(reason: PoolError): void {
    clearInterval(this.#tick);
    this.#events.ended(reason);
  }
}

function refusalFrom(error: ServiceError): PoolError {
  return fromServiceError(error, ({ code, details }) =>
    code === status.UNAUTHENTICATED
      ? new PoolError('unauthenticated', `the coordinator refused this worker's token: ${details}`)
      : new PoolError('internal', details),
  );
}
