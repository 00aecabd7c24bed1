import type { Account, LeaseRequest, LeaseWish } from './account.js';
import type { ClientId, RequestId } from './ids.js';
import type { Slot } from './registry.js';
import { WaitingLine } from './waiting-line.js';

/**
 * How much longer than others a line has to stand still to count as one priority higher, in ms: long enough that who is
 * more urgent is served first even where tasks take seconds, short enough that nobody waits for hours behind others.
 */
export const AGEING_MS = 30_000;

/**
 * The lines of all priorities. The highest priority at which anybody waits is served first, whoever it is; within it the
 * line is fair between clients, by the slot time that they have had at that priority.
 *
 * So that nothing starves, a line ages: while it stands still it rises by one priority for every {@link AGEING_MS} that it
 * does so for longer than another. Once one of its requests is served it is where it was. Of two lines the order is that of
 * `priority * AGEING_MS - stillSince`, which does not change as time passes.
 */
export class Lines {
  readonly #plain = new WaitingLine(0);
  readonly #others = new Map<number, WaitingLine>();
  /** Highest priority first. At most one for each priority there is. */
  #lines: WaitingLine[] = [this.#plain];
  readonly #requests = new Map<RequestId, LeaseRequest>();

  /** How many requests wait. */
  get size(): number {
    return this.#requests.size;
  }

  /** How many requests of this client wait. */
  waitingOf(client: ClientId): number {
    let waiting = 0;
    for (const line of this.#lines) waiting += line.waitingOf(client);
    return waiting;
  }

  /** How many requests wait at a higher priority than this. */
  waitingAbove(priority: number): number {
    let waiting = 0;
    for (const line of this.#lines) if (line.priority > priority) waiting += line.size;
    return waiting;
  }

  /** Whether a client other than this one waits. */
  othersWait(client: ClientId): boolean {
    return this.#lines.some((line) => line.clients > (line.waitingOf(client) > 0 ? 1 : 0));
  }

  join(id: RequestId, wish: LeaseWish, now: number): void {
    this.#requests.set(id, this.at(wish.priority).join(id, wish, now));
  }

  /** A caller that no longer waits. Unknown ones are ignored: they were served in the meantime. */
  withdraw(id: RequestId, now: number): void {
    const request = this.#requests.get(id);
    if (!request) return;
    this.#requests.delete(id);
    this.at(request.account.priority).withdraw(request, now);
  }

  /** The client whose turn it is, at the priority whose turn it is. */
  first(now: number): Account | undefined {
    let next: WaitingLine | undefined;
    for (const line of this.#lines) if (line.size > 0 && (!next || rankOf(line) > rankOf(next))) next = line;
    return next?.first(now);
  }

  /** The request to be served next. */
  next(now: number): LeaseRequest | undefined {
    return this.first(now)?.waiting.first;
  }

  /** Takes a request out of line and charges its client from now on. */
  serve(request: LeaseRequest, now: number): void {
    this.#requests.delete(request.id);
    this.at(request.account.priority).serve(request, now);
  }

  /** Those with leases that can be asked back, lowest priority first. */
  *held(): Iterable<WaitingLine> {
    for (let index = this.#lines.length - 1; index >= 0; index--) {
      const line = this.#lines[index];
      if (line?.hasHolders) yield line;
    }
  }

  get hasHolders(): boolean {
    return this.#lines.some((line) => line.hasHolders);
  }

  /** The line of one priority. */
  at(priority = 0): WaitingLine {
    if (priority === 0) return this.#plain;
    return this.#others.get(priority) ?? this.#open(priority);
  }

  /** A slot that its client may be asked to give back is used at another priority from now on. */
  move(slot: Slot, client: ClientId, from: number, to: number, now: number): void {
    const [before, after] = [this.at(from), this.at(to)];
    before.forbidRevoking(slot, client);
    before.giveBack(client, now);
    after.charge(client, now);
    after.allowRevoking(slot, client);
  }

  #open(priority: number): WaitingLine {
    const line = new WaitingLine(priority);
    this.#others.set(priority, line);
    this.#lines = [...this.#lines, line].sort((a, b) => b.priority - a.priority);
    return line;
  }
}

function rankOf({ priority, stillSince }: WaitingLine): number {
  return priority * AGEING_MS - stillSince;
}
