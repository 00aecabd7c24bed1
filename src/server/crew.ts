import type { ChildProcess } from 'node:child_process';
import { messageOf, PoolError } from '../core/errors.js';
import { recentDeaths, restartDelayMs } from '../core/restart-backoff.js';
import type { WorkerId } from '../core/ids.js';
import { withResolvers } from '../core/with-resolvers.js';
import type { CoordinatorPlace } from '../wire/process-messages.js';
import type { WorkFolders } from './work-folders.js';
import {
  killGroup,
  order,
  type ProcessEnd,
  type SharedSettings,
  startWorkerProcess,
} from './worker-process.js';

/** What a worker may need beyond the drain timeout to say good-bye, in ms. */
const GOODBYE_MS = 2_000;

/** What there is to tell people. */
export interface CrewEvents {
  /** It waits to be found. */
  waiting(port: number): void;
  attached(worker: string, coordinator: string): void;
  /** Its process ended unasked; another one is started after a while. */
  lost(worker: string | undefined, end: Omit<ProcessEnd, 'id'>, delayMs: number): void;
  /** Of the temporary working folders something cannot be removed. */
  leftBehind(reason: string): void;
}

/** One worker of a crew: the process that it is now. */
interface Place {
  /** Of its working folder. It gets its name later, from its coordinator. */
  readonly folder: string;
  deaths: readonly number[];
  child: ChildProcess | undefined;
  /** As its coordinator knows the newest one that attached. */
  attached: { id: WorkerId; name: string } | undefined;
}

/**
 * Workers of this machine for a pool whose coordinator is elsewhere. One that dies is replaced; one that its coordinator
 * lets go, or that has none any more, is not.
 */
export class Crew {
  readonly #settings: SharedSettings;
  readonly #folders: WorkFolders | undefined;
  readonly #coordinator: CoordinatorPlace | undefined;
  readonly #events: CrewEvents;
  readonly #places = new Set<Place>();
  readonly #ended = withResolvers<void>();
  /** Those that have ever belonged to a pool. */
  #hasAttached = false;
  #isStopping = false;
  /** Of the last one that ended without having been let go. */
  #failure: string | undefined;

  /**
   * @param folders where they have working folders of their own.
   * @param coordinator undefined for workers that wait to be found.
   * @throws PoolError `permission-denied` where there can be no such folder.
   */
  constructor(
    count: number,
    settings: SharedSettings,
    folders: WorkFolders | undefined,
    coordinator: CoordinatorPlace | undefined,
    events: CrewEvents,
  ) {
    this.#settings = settings;
    this.#folders = folders;
    this.#coordinator = coordinator;
    this.#events = events;
    for (let i = 1; i <= count; i++) {
      const place: Place = { folder: `worker-${i}`, deaths: [], child: undefined, attached: undefined };
      this.#places.add(place);
      this.#spawn(place);
    }
  }

  /**
   * Resolves when no worker is left, because the pool has let them go or this crew was told to stop.
   *
   * @throws PoolError `unavailable` when the last one did not start, or its coordinator is gone.
   */
  async whenEnded(): Promise<void> {
    await this.#ended.promise;
    await this.#clearAway();
    if (this.#failure !== undefined && !this.#isStopping) throw new PoolError('unavailable', this.#failure);
  }

  /** Lets running tasks finish, then ends every process. */
  stop(drainWithinMs: number): void {
    this.#isStopping = true;
    const timer = setTimeout(() => void this.kill(), drainWithinMs + GOODBYE_MS);
    void this.#ended.promise.then(() => clearTimeout(timer));
    for (const place of [...this.#places]) {
      if (place.child) order(place.child, { drainWithinMs });
      else this.#remove(place);
    }
  }

  /** Ends every process at once; resolves when nothing temporary is left of them. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    for (const { child } of this.#places) killGroup(child?.pid);
    await this.#clearAway();
  }

  async #clearAway(): Promise<void> {
    const reason = await this.#folders?.remove();
    if (reason !== undefined) this.#events.leftBehind(reason);
  }

  #spawn(place: Place): void {
    let isAttached = false;
    const settings = { ...this.#settings, folder: this.#folders?.of(place.folder) };
    place.child = startWorkerProcess({ name: undefined, replaces: place.attached }, settings, {
      notice: (notice) => {
        if (notice.type === 'listening' && this.#settings.isWaiting) this.#events.waiting(notice.port);
        if (notice.type !== 'started') return;
        isAttached = true;
        this.#hasAttached = true;
        place.attached = { id: notice.id, name: notice.worker };
        this.#events.attached(notice.worker, notice.coordinator);
      },
      ended: (end) => {
        place.child = undefined;
        this.#onEnded(place, end, isAttached);
      },
    });
    if (this.#coordinator) order(place.child, { coordinator: this.#coordinator });
  }

  #onEnded(place: Place, end: Omit<ProcessEnd, 'id'>, wasAttached: boolean): void {
    const { left, failure } = end;
    if (left?.end === 'abandoned') this.#failure = left.message;
    // The first ones show whether it can work at all; later it is tried again.
    if (!wasAttached && !this.#hasAttached) this.#failure = failure ?? 'a worker ended while starting';
    const isOver = this.#isStopping || left?.end === 'drained' || left?.end === 'abandoned';
    if (isOver || (!wasAttached && !this.#hasAttached)) return this.#remove(place);
    const now = performance.now();
    // One that has left as it was to is no death.
    if (left?.end !== 'retired') place.deaths = recentDeaths([...place.deaths, now], now);
    const delayMs = restartDelayMs(place.deaths, now);
    this.#events.lost(place.attached?.name, end, delayMs);
    setTimeout(() => this.#respawn(place), delayMs);
  }

  #respawn(place: Place): void {
    if (this.#isStopping) return;
    try {
      this.#spawn(place);
    } catch (error) {
      // Without its folder there is no process that could end.
      this.#onEnded(place, { code: null, signal: null, failure: messageOf(error), left: undefined }, false);
    }
  }

  #remove(place: Place): void {
    this.#places.delete(place);
    if (this.#places.size === 0) this.#ended.resolve();
  }
}
