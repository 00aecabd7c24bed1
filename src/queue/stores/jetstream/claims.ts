import type { NatsConnection } from '@nats-io/transport-node';
import type { TaskId } from '../../../core/ids.js';
import { isSettled } from '../../../core/queue/task.js';
import type { ArrivedTask } from '../../shared-store.js';
import type { TaskSpec } from '../../store.js';
import type { Hand, Hands } from './hands.js';
import { NO_BYTES, specFrom, type TaskHead, type WaitingHead } from './heads.js';
import type { Delivery } from './intake.js';
import type { FunctionStore, Payloads } from './objects.js';
import { headFrom, type Kept } from './reader.js';
import type { Tasks } from './tasks.js';

export interface ClaimEvents {
  /** How many tasks with these needs may be here. */
  wanted(needs: string): number;
  arrived(tasks: ArrivedTask[]): void;
  /** What it takes to run a claimed task is not there. */
  incomplete(hand: Hand, what: 'function' | 'arguments'): void;
  failed(error: unknown): void;
}

/** Makes what was delivered ours: by a record that only one can write. */
export class Claims {
  readonly #nats: NatsConnection;
  readonly #holder: string;
  readonly #tasks: Tasks;
  readonly #hands: Hands;
  readonly #functions: FunctionStore;
  readonly #payloads: Payloads;
  readonly #events: ClaimEvents;
  /** Being claimed, by what they ask for. */
  readonly #underWay = new Map<string, number>();
  #arrived: ArrivedTask[] = [];

  constructor(
    nats: NatsConnection,
    holder: string,
    parts: { tasks: Tasks; hands: Hands; functions: FunctionStore; payloads: Payloads },
    events: ClaimEvents,
  ) {
    this.#nats = nats;
    this.#holder = holder;
    this.#tasks = parts.tasks;
    this.#hands = parts.hands;
    this.#functions = parts.functions;
    this.#payloads = parts.payloads;
    this.#events = events;
  }

  /** How many tasks with these needs are here, or about to be. */
  taken(needs: string): number {
    return this.#hands.count(needs) + (this.#underWay.get(needs) ?? 0);
  }

  onDeliveries(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#onDelivery(delivery).catch((error: unknown) => {
        this.#say(delivery, '-NAK {"delay": 1000000000}');
        this.#events.failed(error);
      });
    }
  }

  async #onDelivery(delivery: Delivery): Promise<void> {
    const { message, lane } = delivery;
    const head = headFrom<WaitingHead>(message.headers?.get('Offhand') ?? '');
    const { id } = head.spec;
    const known = this.#hands.get(id);
    if (known) return this.#hands.renew(known, message.reply ?? '');
    if (this.taken(lane.needs) >= this.#events.wanted(lane.needs)) return this.#say(delivery, '-NAK');
    this.#underWay.set(lane.needs, (this.#underWay.get(lane.needs) ?? 0) + 1);
    try {
      const claimed = await this.#claim(id, head, timesDelivered(message.reply) > 1 || head.offering > 0);
      if (!claimed) return this.#say(delivery, '+ACK');
      await this.#complete(delivery, head, claimed);
    } finally {
      this.#underWay.set(lane.needs, (this.#underWay.get(lane.needs) ?? 1) - 1);
    }
  }

  /** @returns undefined for one that has its outcome. */
  async #claim(
    id: TaskId,
    { spec, order, offering }: WaitingHead,
    wasBefore: boolean,
  ): Promise<Kept<TaskHead> | undefined> {
    for (let isKnown = wasBefore; ; isKnown = true) {
      const found = isKnown ? await this.#tasks.find(id) : undefined;
      if (found?.where === 'dropped') return undefined;
      const record = found?.where === 'record' ? found.kept : undefined;
      const before = record?.head;
      if (before && isSettled(before.state)) return undefined;
      // One of ours that we do not have was claimed, and its record came too late: it has not begun.
      const isLost = before?.state === 'running' && before.holder !== this.#holder;
      const head: TaskHead = {
        spec,
        order,
        state: 'running',
        attempt: (before?.attempt ?? 0) + 1,
        offering,
        losses: (before?.losses ?? 0) + (isLost ? 1 : 0),
        holder: this.#holder,
        ...(before?.startedAt !== undefined && { startedAt: before.startedAt }),
      };
      const seq = await this.#tasks.writeRecord(id, head, NO_BYTES, record?.seq ?? 0);
      if (seq !== undefined) return { head, seq, data: NO_BYTES, subject: '' };
    }
  }

  async #complete(
    { message, lane }: Delivery,
    waiting: WaitingHead,
    { head, seq }: Kept<TaskHead>,
  ): Promise<void> {
    const [fn, args] = await Promise.all([
      this.#functions.get(head.spec.functionId),
      this.#payloads.get(waiting.args, message.data),
    ]);
    const spec: TaskSpec = { ...specFrom(head.spec), args: args ?? { encoding: 'V8', data: NO_BYTES } };
    const hand: Hand = {
      spec,
      fn: fn ?? { id: spec.functionId as Hand['fn']['id'], source: '', name: '', parts: [], preview: '' },
      attempt: head.attempt,
      needs: lane.needs,
      head: { ...head, ...(waiting.args.object !== undefined && { args: waiting.args }) },
      revision: seq,
      reply: message.reply ?? '',
      workedAt: performance.now(),
      isOver: false,
    };
    this.#hands.take(hand);
    if (!fn || !args) return this.#events.incomplete(hand, fn ? 'arguments' : 'function');
    if (this.#arrived.length === 0) queueMicrotask(() => this.#tell());
    const { attempt } = hand;
    const { losses } = head;
    this.#arrived.push({ spec, fn, attempt, losses, offeredAt: waiting.offeredAt ?? spec.submittedAt });
  }

  #tell(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    this.#events.arrived(arrived);
  }

  #say({ message }: Delivery, what: string): void {
    if (message.reply && !this.#nats.isClosed()) this.#nats.publish(message.reply, what);
  }
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.…`, with two more words before the stream where there is a domain. */
function timesDelivered(reply = ''): number {
  const words = reply.split('.');
  return Number(words[words.length > 9 ? 6 : 4]);
}
