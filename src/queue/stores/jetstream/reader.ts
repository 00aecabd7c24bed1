import type { MsgRequest, StoredMsg } from '@nats-io/jetstream';
import type { ClusterConnection } from '../../../cluster/connection.js';
import { patiently } from '../../../cluster/patiently.js';
import { messageOf, PoolError } from '../../../core/errors.js';

/** How long a question to a stream is asked again while it has no leader, in ms. */
const LIMIT_MS = 15_000;

/** How many questions are under way at a time. A server answers them one after another, and those behind would run out of time. */
const AT_ONCE = 64;

/** A message as it stands in its stream. */
export interface Kept<Head> {
  readonly head: Head;
  readonly data: Uint8Array;
  readonly seq: number;
  readonly subject: string;
}

/** Reads single messages, from the leader of their stream: what was kept before is seen. */
export class Reader {
  readonly #connection: ClusterConnection;
  readonly #line: (() => void)[] = [];
  #free = AT_ONCE;

  constructor(connection: ClusterConnection) {
    this.#connection = connection;
  }

  /** @throws PoolError `unavailable` */
  async last<Head>(stream: string, subject: string): Promise<Kept<Head> | undefined> {
    const query: MsgRequest = { last_by_subj: subject };
    const message = await this.patiently(() => this.#connection.manager.streams.getMessage(stream, query));
    return message ? keptFrom<Head>(message) : undefined;
  }

  /** The first message from this number on. @throws PoolError `unavailable` */
  async next<Head>(stream: string, subjects: string, seq: number): Promise<Kept<Head> | undefined> {
    const query = { seq, next_by_subj: subjects };
    const message = await this.patiently(() => this.#connection.manager.streams.getMessage(stream, query));
    return message ? keptFrom<Head>(message) : undefined;
  }

  /** How many messages a stream has, and between which numbers. */
  async extent(stream: string): Promise<{ count: number; first: number; last: number }> {
    const { state } = await this.patiently(() => this.#connection.manager.streams.info(stream));
    return { count: state.messages, first: state.first_seq, last: state.last_seq };
  }

  /** This one message goes. One that is gone already is no error. */
  async remove(stream: string, seq: number): Promise<void> {
    await this.patiently(async () => {
      try {
        await this.#connection.manager.streams.deleteMessage(stream, seq, false);
      } catch (error) {
        if (!/not found|no message found|deleted/i.test(messageOf(error))) throw error;
      }
    });
  }

  /** All messages with such a subject go, up to this one. */
  async removeAll(stream: string, subjects: string, last: number): Promise<void> {
    const which = { filter: subjects, seq: last + 1 };
    await this.patiently(() => this.#connection.manager.streams.purge(stream, which));
  }

  /** Asks again for a while where NATS is choosing a leader. @throws PoolError `unavailable` */
  async patiently<T>(ask: () => Promise<T>): Promise<T> {
    const { nats } = this.#connection;
    try {
      return await patiently(() => this.#inTurn(ask), { withinMs: LIMIT_MS, isOver: () => nats.isClosed() });
    } catch (error) {
      if (error instanceof PoolError) throw error;
      throw new PoolError('unavailable', `NATS does not answer: ${messageOf(error)}`, { cause: error });
    }
  }

  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#free -= 1;
    try {
      return await ask();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

function keptFrom<Head>({ header, data, seq, subject }: StoredMsg): Kept<Head> {
  return { head: headFrom<Head>(header.get('Offhand')), data, seq, subject };
}

export function headFrom<Head>(written: string): Head {
  return JSON.parse(written) as Head;
}
