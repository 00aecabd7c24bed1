import { type WorkerId, workerId } from '../core/ids.js';
import { fits, type TagSet } from '../core/tags.js';
import { WORKER_NAME, type WorkerNames } from '../core/worker-names.js';
import type { WorkerProcess } from '../host/pool-files.js';
import type { AttachRequest__Output } from '../wire/generated/offhand/v1/AttachRequest.js';
import type { WorkerLink } from './worker-link.js';

/** Lost workers that are remembered, in case they come back. */
const MAX_LOST = 10_000;

/** The workers of a pool: those that are attached or may dial again, and those that were lost. */
export class Members {
  /** Of those that have come by themselves, and of those that the supervisor has a place for. */
  readonly #names: WorkerNames;
  readonly #links = new Map<WorkerId, WorkerLink>();
  /** What they still hold is over, should they come back. */
  readonly #lost = new Set<WorkerId>();
  /** How often one of a name was lost. Names are used again, so there are no more of them than there were workers at a time. */
  readonly #losses = new Map<string, number>();

  constructor(names: WorkerNames) {
    this.#names = names;
  }

  /** What a worker that is about to attach is called here: one that has come by itself is given a name. */
  nameOf({ workerId: id, worker, joined }: AttachRequest__Output): string {
    if (!joined) return worker;
    const known = this.#links.get(workerId(id));
    if (known?.info.joined) return known.info.worker;
    return this.#names.take(WORKER_NAME.test(worker) ? worker : undefined);
  }

  get(id: WorkerId): WorkerLink | undefined {
    return this.#links.get(id);
  }

  /** What people know a worker by; its id where it is gone. */
  nameById(id: WorkerId): string {
    return this.#links.get(id)?.info.worker ?? id;
  }

  /** As they are now: it does not change while one goes through it. */
  get all(): WorkerLink[] {
    return [...this.#links.values()];
  }

  /** By the numbers in their names. */
  get inOrder(): WorkerLink[] {
    return this.all.sort((a, b) => a.rank - b.rank);
  }

  called(name: string): WorkerLink | undefined {
    return this.all.find(({ info }) => info.worker === name);
  }

  ofProcess({ worker, pid }: WorkerProcess): WorkerLink | undefined {
    return this.all.find(({ info }) => info.worker === worker && info.pid === pid);
  }

  /** How many have come by themselves. */
  get joined(): number {
    return this.all.filter(({ info }) => info.joined).length;
  }

  /** Slots of those that are attached. */
  get slots(): number {
    let slots = 0;
    for (const link of this.#links.values()) if (!link.isAway) slots += link.info.slots;
    return slots;
  }

  /** Slots of those that are attached and have these tags. */
  slotsFor(needs: TagSet): number {
    let slots = 0;
    for (const link of this.#links.values())
      if (!link.isAway && fits(link.tags, needs)) slots += link.info.slots;
    return slots;
  }

  /** Whether one of those that are attached, or may come back, has these tags. */
  hasFit(needs: TagSet): boolean {
    return this.all.some((link) => fits(link.tags, needs));
  }

  /** Takes the place of an earlier attachment of the same worker. Returns whether that worker was lost meanwhile. */
  add(link: WorkerLink): boolean {
    this.#links.get(link.id)?.close();
    this.#links.set(link.id, link);
    return this.#lost.delete(link.id);
  }

  remove(link: WorkerLink): void {
    this.#links.delete(link.id);
    if (link.info.joined) this.#names.giveBack(link.info.worker);
    link.close();
  }

  /** How often one of this name was lost. */
  lossesOf(name: string): number {
    return this.#losses.get(name) ?? 0;
  }

  noteLoss(link: WorkerLink): void {
    this.#losses.set(link.info.worker, this.lossesOf(link.info.worker) + 1);
    this.#lost.add(link.id);
    for (const oldest of this.#lost) {
      if (this.#lost.size <= MAX_LOST) break;
      this.#lost.delete(oldest);
    }
  }

  /** Those of whom nothing was heard for longer than `ms`. */
  silentFor(ms: number, now: number): WorkerLink[] {
    return this.all.filter((link) => now - link.heardAt > ms);
  }
}
