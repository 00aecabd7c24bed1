import { PoolError } from '../../core/errors.js';
import { withResolvers } from '../../core/with-resolvers.js';
import type { PutValue__Output } from '../../wire/generated/offhand/v1/PutValue.js';
import { type PutContent, shared, wantedFrom } from '../../wire/values/put.js';
import type { AskedPut } from '../put-store.js';
import type { ThreadOrder } from '../thread-messages.js';

type Waiting = ReturnType<typeof withResolvers<PutContent>>;

/** That nobody waits for yet is no reason to fail. */
function unheard(): Waiting {
  const waiting = withResolvers<PutContent>();
  waiting.promise.catch(() => undefined);
  return waiting;
}

/** The values that tasks of one thread refer to; the main thread has them for all threads. */
export class PutValues {
  readonly #ask: (asked: AskedPut) => void;
  readonly #contents = new Map<string, PutContent>();
  readonly #waiting = new Map<string, Waiting>();

  /** @param ask the main thread, which answers by {@link hear}. */
  constructor(ask: (asked: AskedPut) => void) {
    this.#ask = ask;
  }

  /** A value came on a stream of tasks. @throws PoolError `invalid-argument`, `too-large` */
  received(message: PutValue__Output): void {
    const { id, form } = wantedFrom(message);
    if (this.#contents.has(id)) return;
    const bytes = shared(message.data, 'put.data');
    // The main thread may have it from another slot; then that memory is what all use.
    if (!this.#waiting.has(id)) this.#waiting.set(id, unheard());
    this.#ask({ id, form, bytes });
  }

  /** A promise where it has to be fetched. @throws PoolError `invalid-argument` */
  get(message: PutValue__Output): PutContent | Promise<PutContent> {
    const wanted = wantedFrom(message);
    const known = this.#contents.get(wanted.id);
    if (known) return known;
    const asked = this.#waiting.get(wanted.id);
    // What was asked for another task may fail with that.
    if (asked) return asked.promise.catch(() => this.get(message));
    const waiting = withResolvers<PutContent>();
    this.#waiting.set(wanted.id, waiting);
    this.#ask({ ...wanted, at: message.at ?? undefined });
    return waiting.promise;
  }

  hear(order: Extract<ThreadOrder, { type: 'put' | 'no-put' | 'drop' }>): void {
    if (order.type === 'drop') return void this.#contents.delete(order.id);
    const waiting = this.#waiting.get(order.id);
    this.#waiting.delete(order.id);
    if (order.type === 'put') {
      this.#contents.set(order.id, order.content);
      waiting?.resolve(order.content);
    } else waiting?.reject(new PoolError(order.code, order.message));
  }
}
