import type { TaskId } from '../../../core/ids.js';
import { isSettled, type SettledState } from '../../../core/queue/task.js';
import type { Payload } from '../../../wire/values/payload.js';
import type { AttemptKey, Settlement } from '../../store.js';
import type { KeptSpec } from '../kept-spec.js';
import type { Hand, Hands } from './hands.js';
import { logBytes, NO_BYTES, outcomeParts, type Place, type TaskHead, type WaitingHead } from './heads.js';
import { laneOf } from './names.js';
import type { Payloads } from './objects.js';
import type { Kept } from './reader.js';
import { type Found, recordOf, type Tasks } from './tasks.js';

export interface SettlerEvents {
  /** There is room for another one that asks for the same. */
  freed(needs: string): void;
  settled(tasks: { id: TaskId; state: SettledState }[]): void;
  failed: (error: unknown) => void;
}

/** When a task that was given back is there for others, in ms. */
const GIVEN_BACK_MS = 1_000;

/** Gives tasks their outcomes: each once, by whoever has its current attempt. */
export class Settler {
  readonly #holder: string;
  readonly #tasks: Tasks;
  readonly #hands: Hands;
  readonly #payloads: Payloads;
  readonly #events: SettlerEvents;

  constructor(
    holder: string,
    parts: { tasks: Tasks; hands: Hands; payloads: Payloads },
    events: SettlerEvents,
  ) {
    this.#holder = holder;
    this.#tasks = parts.tasks;
    this.#hands = parts.hands;
    this.#payloads = parts.payloads;
    this.#events = events;
  }

  async settle(settlements: readonly Settlement[]): Promise<boolean[]> {
    for (const { id, attempt } of settlements) {
      const hand = this.#hands.get(id);
      if (hand?.attempt !== attempt) continue;
      this.#hands.end(hand);
      this.#events.freed(hand.needs);
    }
    const areSettled = await Promise.all(settlements.map((settlement) => this.#settle(settlement)));
    const settled = settlements.filter((_, index) => areSettled[index]);
    if (settled.length > 0)
      this.#events.settled(settled.map(({ id, outcome: { state } }) => ({ id, state })));
    return areSettled;
  }

  async release(attempts: readonly AttemptKey[]): Promise<void> {
    await Promise.all(
      attempts.map(async ({ id, attempt }) => {
        const hand = this.#hands.get(id);
        if (hand?.attempt !== attempt) return;
        const head: TaskHead = { ...hand.head, state: 'pending' };
        const seq = await this.#tasks.writeRecord(id, head, NO_BYTES, hand.revision);
        if (seq === undefined) this.#hands.drop(hand);
        else this.#hands.giveBack(hand, GIVEN_BACK_MS);
        this.#events.freed(hand.needs);
      }),
    );
  }

  async #settle(settlement: Settlement): Promise<boolean> {
    const hand = this.#hands.get(settlement.id);
    if (hand?.attempt === settlement.attempt) return this.#settleHand(hand, settlement);
    return this.#settleOther(settlement);
  }

  async #settleHand(hand: Hand, settlement: Settlement): Promise<boolean> {
    const isOurs =
      (await this.#write(settlement, hand.head, hand.spec.args, hand.revision)) ||
      // It may have been kept at an earlier try that was not answered.
      (await this.#isWritten(settlement));
    if (!isOurs) this.#hands.drop(hand);
    else this.#hands.acknowledge(hand);
    return isOurs;
  }

  /** A task that nobody runs; or one that was settled at an earlier try, or by somebody else. */
  async #settleOther(settlement: Settlement): Promise<boolean> {
    const { id, attempt } = settlement;
    for (;;) {
      const found = await this.#tasks.find(id);
      if (!found || found.where === 'dropped') return false;
      const record = recordOf(found);
      if (isSettled(record.state))
        return found.where === 'record' && this.#isOurs(found.kept.head, settlement);
      if (record.state !== 'pending' || record.attempt !== attempt) return false;
      const { head, args, after } = await this.#baseOf(found);
      if (!(await this.#write(settlement, head, args, after))) continue;
      // What was offered is there no longer; whoever has it already finds that it is settled.
      const waiting =
        found.where === 'record' ? await this.#offered(found.kept.head.spec).then(offeredFrom) : found;
      if (waiting) await this.#tasks.remove(waiting).catch(this.#events.failed);
      return true;
    }
  }

  #offered({ id, priority, requires }: KeptSpec): Promise<Kept<WaitingHead> | undefined> {
    return this.#tasks.offered(laneOf(priority, requires), id);
  }

  async #baseOf(found: Found): Promise<{ head: TaskHead; args: Payload | undefined; after: number }> {
    if (found.where === 'record') {
      const waiting = await this.#offered(found.kept.head.spec);
      const args = waiting && (await this.#payloads.get(waiting.head.args, waiting.data));
      return { head: found.kept.head, args, after: found.kept.seq };
    }
    const waiting = found as Extract<Found, { where: 'offered' | 'held' }>;
    const { spec, order, offering, args } = waiting.kept.head;
    const place = args.object === undefined ? undefined : { args };
    const head: TaskHead = { spec, order, state: 'pending', attempt: 0, offering, losses: 0, ...place };
    return { head, args: await this.#payloads.get(args, waiting.kept.data), after: 0 };
  }

  async #write(
    { id, attempt, retries = 0, startedAt: began, outcome, at, course, log }: Settlement,
    before: TaskHead,
    args: Payload | undefined,
    after: number,
  ): Promise<boolean> {
    const { failure, payload } = outcomeParts(outcome);
    const out = payload && (await this.#payloads.put(`out.${id}.${attempt}`, payload));
    // One that may run again needs them.
    const kept =
      outcome.state === 'succeeded' || !args ? undefined : await this.#keptArgs(id, before.args, args);
    const lines = logBytes(log);
    const { spec, order, offering, losses } = before;
    const startedAt = began ?? before.startedAt;
    const head: TaskHead = {
      spec,
      order,
      state: outcome.state,
      attempt: attempt + retries,
      offering,
      losses,
      holder: this.#holder,
      ...(startedAt !== undefined && { startedAt }),
      settledAt: at,
      ...(failure && { failure }),
      runMs: outcome.runMs,
      ...(course && { course }),
      ...(out && { out: out.place }),
      ...(kept && { args: kept.place }),
      ...(lines.length > 0 && { log: lines.length }),
    };
    const parts = [out?.bytes ?? NO_BYTES, kept?.bytes ?? NO_BYTES, lines].filter(({ length }) => length > 0);
    const data = parts.length > 1 ? Buffer.concat(parts) : (parts[0] ?? NO_BYTES);
    const seq = await this.#tasks.writeRecord(id, head, data, after);
    if (seq !== undefined && outcome.state !== 'succeeded') await this.#tasks.noteDead(id, at);
    if (seq !== undefined && outcome.state === 'succeeded' && before.args?.object !== undefined)
      this.#payloads.remove(before.args).catch(this.#events.failed);
    return seq !== undefined;
  }

  async #keptArgs(
    id: TaskId,
    place: Place | undefined,
    args: Payload,
  ): Promise<{ place: Place; bytes: Uint8Array }> {
    if (place?.object !== undefined) return { place, bytes: NO_BYTES };
    return this.#payloads.put(`args.${id}`, args);
  }

  async #isWritten(settlement: Settlement): Promise<boolean> {
    const record = await this.#tasks.record(settlement.id);
    return record !== undefined && this.#isOurs(record.head, settlement);
  }

  #isOurs(head: TaskHead, { attempt, retries = 0, at }: Settlement): boolean {
    return head.holder === this.#holder && head.attempt === attempt + retries && head.settledAt === at;
  }
}

function offeredFrom(kept: Kept<WaitingHead> | undefined): Found | undefined {
  return kept && { where: 'offered', kept };
}
