import type { Attempt, AttemptsEvent } from './documents.js';

/** So many blocks are kept at least; the oldest go first. */
export const KEPT_BLOCKS = 20_000;

/** What is kept beyond that before it is cut: cutting looks at all of them. */
const SLACK = 2_000;

/** A slot of a worker, with what it ran in the order in which that began. */
export interface Lane {
  name: string;
  blocks: Attempt[];
  running: Attempt | undefined;
}

/** What the slots have run as long as somebody watched. */
export class Lanes {
  /** By name, workers by their numbers. */
  lanes: Lane[] = [];
  /** Short attempts that were not told one by one. */
  skipped = 0;
  /** How many blocks there are. */
  size = 0;
  readonly #byName = new Map<string, Lane>();
  /** The server's clock minus ours, by the message that was the quickest on its way, in ms. */
  #offsetMs = -Infinity;

  /** @param now our clock, in ms. */
  add({ at_ms, attempts, skipped }: AttemptsEvent, now: number): void {
    this.#offsetMs = Math.max(this.#offsetMs, at_ms - now);
    this.skipped += skipped;
    for (const attempt of attempts) this.#take(attempt);
    if (this.size > KEPT_BLOCKS + SLACK) this.#cut();
  }

  /** The server's clock at an instant of ours; undefined before anything was heard. */
  at(now: number): number | undefined {
    return Number.isFinite(this.#offsetMs) ? now + this.#offsetMs : undefined;
  }

  /** When the oldest block that is kept began. */
  get oldest(): number | undefined {
    const starts = this.lanes.flatMap(({ blocks, running }) => (blocks[0] ?? running)?.started_ms ?? []);
    return starts.length > 0 ? Math.min(...starts) : undefined;
  }

  /** The connection was lost: what ran may have ended unheard, and is told again if it runs. */
  forgetRunning(): void {
    for (const lane of this.lanes) lane.running = undefined;
    this.#offsetMs = -Infinity;
  }

  #take(attempt: Attempt): void {
    const lane = this.#lane(attempt);
    if (attempt.state === 'running') {
      lane.running = attempt;
      return;
    }
    const { running } = lane;
    if (running && (running.task_id === attempt.task_id || running.started_ms < attempt.started_ms))
      lane.running = undefined;
    // Nearly always the last one.
    let place = lane.blocks.length;
    while (place > 0 && (lane.blocks[place - 1] as Attempt).started_ms > attempt.started_ms) place--;
    lane.blocks.splice(place, 0, attempt);
    this.size++;
  }

  #lane({ worker, slot }: Attempt): Lane {
    const name = `${worker} · ${slot + 1}`;
    let lane = this.#byName.get(name);
    if (!lane) {
      lane = { name, blocks: [], running: undefined };
      this.#byName.set(name, lane);
      this.lanes = [...this.#byName.values()].sort((a, b) =>
        a.name.localeCompare(b.name, 'en', { numeric: true }),
      );
    }
    return lane;
  }

  #cut(): void {
    const ends = this.lanes.flatMap(({ blocks }) => blocks.map(endOf)).sort((a, b) => a - b);
    const before = ends[ends.length - KEPT_BLOCKS] ?? -Infinity;
    this.size = 0;
    for (const lane of this.lanes) {
      lane.blocks = lane.blocks.filter((block) => endOf(block) >= before);
      this.size += lane.blocks.length;
      if (lane.blocks.length === 0 && !lane.running) this.#byName.delete(lane.name);
    }
    this.lanes = this.lanes.filter(({ name }) => this.#byName.has(name));
  }
}

/** When a block ends; what runs ends now. */
export function endOf({ started_ms, run_ms = 0 }: Attempt): number {
  return started_ms + run_ms;
}
