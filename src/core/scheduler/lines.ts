import type { Account, LeaseRequest, LeaseWish } from './account.js';
import type { ClientId, RequestId } from '../ids.js';
import type { Slot } from './registry.js';
import { NO_TAGS, type TagSet } from '../tags.js';
import { WaitingLine } from './waiting-line.js';

/** Lines that nobody waits in are swept when there are this many, and again when they have doubled since. */
const FIRST_SWEEP = 500;

/**
 * The lines of all priorities, one for each set of needs. The highest priority at which anybody waits is served first,
 * whoever it is; within a line it is fair between clients, by the slot time that they have had there.
 *
 * So that nothing starves, a line ages: while it stands still it rises by one priority for every `AGEING_MS` that it
 * does so for longer than another. Once one of its requests is served it is where it was. Of two lines the order is that of
 * their {@link WaitingLine.rank}, which does not change as time passes. Of lines of one priority, which differ in their
 * needs, the one that has stood still for longer is first.
 */
export class Lines {
  readonly #plain = new WaitingLine(0);
  readonly #others = new Map<string, WaitingLine>();
  /** Highest priority first. */
  #lines: WaitingLine[] = [this.#plain];
  readonly #requests = new Map<RequestId, LeaseRequest>();
  #sweepAt = FIRST_SWEEP;

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

  find(id: RequestId): LeaseRequest | undefined {
    return this.#requests.get(id);
  }

  /** All that wait, in the order in which they came. */
  get requests(): Iterable<LeaseRequest> {
    return this.#requests.values();
  }

  join(id: RequestId, wish: LeaseWish, now: number): LeaseRequest {
    const ahead = this.#lines.length === 1 ? this.size : this.waitingAbove((wish.priority ?? 0) - 1);
    const request = this.at(wish.priority, wish.needs).join(id, wish, now);
    request.ahead = ahead;
    this.#requests.set(id, request);
    return request;
  }

  /** A caller that no longer waits. Unknown ones are ignored: they were served in the meantime. */
  withdraw(id: RequestId, now: number): LeaseRequest | undefined {
    const request = this.#requests.get(id);
    if (!request) return undefined;
    this.#requests.delete(id);
    this.#lineOf(request.account).withdraw(request, now);
    return request;
  }

  /** Those in which somebody waits, whose turn it is first. */
  inTurn(): readonly WaitingLine[] {
    if (this.#lines.length === 1) return this.#plain.size > 0 ? this.#lines : NOBODY;
    let turns: WaitingLine[] | undefined;
    for (const line of this.#lines) {
      if (line.size === 0) continue;
      if (turns) turns.push(line);
      else turns = [line];
    }
    if (!turns) return NOBODY;
    return turns.length === 1 ? turns : turns.sort((a, b) => b.rank - a.rank || b.priority - a.priority);
  }

  /** Takes a request out of line and charges its client from now on. */
  serve(request: LeaseRequest, now: number): void {
    this.#requests.delete(request.id);
    this.#lineOf(request.account).serve(request, now);
  }

  /** Those with leases that can be asked back, lowest priority first. */
  *held(): Iterable<WaitingLine> {
    for (let index = this.#lines.length - 1; index >= 0; index--) {
      const line = this.#lines[index];
      if (line?.hasHolders) yield line;
    }
  }

  get hasHolders(): boolean {
    return this.#plain.hasHolders || (this.#lines.length > 1 && this.#lines.some((line) => line.hasHolders));
  }

  /** The line of one priority and these needs. */
  at(priority = 0, needs: TagSet = NO_TAGS): WaitingLine {
    if (priority === 0 && needs.key === '') return this.#plain;
    return this.#others.get(keyOf(priority, needs)) ?? this.#open(priority, needs);
  }

  /** The lease of a slot is over: its time is charged no longer. */
  giveBack(
    slot: Slot,
    { client, priority, needs }: { client: ClientId | undefined; priority: number; needs: TagSet },
    now: number,
  ): void {
    if (!client) return;
    const line = this.at(priority, needs);
    line.forbidRevoking(slot, client);
    line.giveBack(client, now);
  }

  /** A slot that its client may be asked to give back is used at another priority from now on. */
  move(
    slot: Slot,
    { client, from, to, needs }: { client: ClientId; from: number; to: number; needs: TagSet },
    now: number,
  ): void {
    const [before, after] = [this.at(from, needs), this.at(to, needs)];
    before.forbidRevoking(slot, client);
    before.giveBack(client, now);
    after.charge(client, now);
    after.allowRevoking(slot, client);
  }

  #lineOf({ priority, needs }: Account): WaitingLine {
    return this.at(priority, needs);
  }

  #open(priority: number, needs: TagSet): WaitingLine {
    if (this.#lines.length >= this.#sweepAt) this.#sweep();
    const line = new WaitingLine(priority, needs);
    this.#others.set(keyOf(priority, needs), line);
    this.#lines = [...this.#lines, line].sort((a, b) => b.priority - a.priority);
    return line;
  }

  /** What was used there is forgotten, as it is with every pause of the line. */
  #sweep(): void {
    for (const [key, line] of this.#others) if (line.isUnused) this.#others.delete(key);
    this.#lines = [this.#plain, ...this.#others.values()];
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#lines.length);
  }
}

const NOBODY: readonly WaitingLine[] = [];

function keyOf(priority: number, needs: TagSet): string {
  return `${priority} ${needs.key}`;
}
