/** A document that many ask for, made no more often than those who ask need it to be new. */
export class Shared<T> {
  readonly #make: () => Promise<T>;
  #made: { at: number; document: Promise<T> } | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  /**
   * @param maxAgeMs of a document that was made for somebody else; 0 for a new one.
   * @param now on a monotonic clock, in ms.
   */
  async get(maxAgeMs: number, now = performance.now()): Promise<{ document: T; ageMs: number }> {
    const made = this.#made;
    if (made && now - made.at < maxAgeMs) return { document: await made.document, ageMs: now - made.at };
    const next = { at: now, document: this.#make() };
    this.#made = next;
    try {
      return { document: await next.document, ageMs: 0 };
    } catch (error) {
      // Whoever comes next tries again.
      if (this.#made === next) this.#made = undefined;
      throw error;
    }
  }
}

/** Whoever asks each second is to have another document each time, though timers are not that exact. */
const SHARE_OF_MAX_AGE = 0.8;

/** How old a document may be for whoever sends this value of `Cache-Control`, in ms; 0 where that says nothing of it. */
export function maxAgeMs(cacheControl: string | undefined): number {
  const seconds = /(?:^|[\s,])max-age=(\d{1,6})(?:$|[\s,])/i.exec(cacheControl ?? '')?.[1];
  return Number(seconds ?? 0) * 1_000 * SHARE_OF_MAX_AGE;
}

/** Of every answer that may have been made for somebody else. */
export const AGE_HEADER = 'offhand-age-ms';

/** What the description of such a route says of it. */
export const AGED =
  'Made anew, unless the request says how old it may be (`Cache-Control: max-age=1`, in s): then many who ask share one. ' +
  '`offhand-age-ms` says how old it is.';
