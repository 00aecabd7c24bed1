import type { KV } from '@nats-io/kv';
import { messageOf, PoolError } from '../core/errors.js';
import { type Announcement, announcementFrom, announcementText } from './announcement.js';
import type { ClusterConnection, ClusterLog } from './connection.js';

const BUCKET = 'OFFHAND_COORDINATORS';

/** How often a coordinator says that it is there, and how long that holds, in ms. */
const ANNOUNCE_MS = 3_000;
const ANNOUNCED_FOR_MS = 10_000;

/** Who is there: each coordinator says so again and again, and one that does not any more is forgotten by NATS itself. */
export class Announcements {
  readonly #bucket: KV;
  readonly #connection: ClusterConnection;

  private constructor(bucket: KV, connection: ClusterConnection) {
    this.#bucket = bucket;
    this.#connection = connection;
  }

  /** For a coordinator: with the bucket, made where it is missing. */
  static async open(connection: ClusterConnection, replicas: number): Promise<Announcements> {
    const kvm = new connection.libraries.kv.Kvm(connection.jetstream);
    const bucket = await kvm.create(BUCKET, { ttl: ANNOUNCED_FOR_MS, replicas, history: 1 });
    return new Announcements(bucket, connection);
  }

  /** For whoever only looks. @throws PoolError `unavailable` where no coordinator has ever been */
  static async find(connection: ClusterConnection, where: string): Promise<Announcements> {
    const { Kvm } = connection.libraries.kv;
    try {
      // Opening alone asks nobody.
      const bucket = await new Kvm(connection.jetstream).open(BUCKET);
      await bucket.status();
      return new Announcements(bucket, connection);
    } catch (error) {
      const { JetStreamApiError, JetStreamApiCodes } = connection.libraries.jetstream;
      const isMissing = error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
      if (!isMissing) throw error;
      throw new PoolError(
        'unavailable',
        `no coordinator has ever been at ${where}; start one with \`offhand server --store ${where}\``,
      );
    }
  }

  /** Those that are there, in no order. */
  async list(): Promise<Announcement[]> {
    const subjects = `$KV.${BUCKET}.`;
    const { state } = await this.#connection.manager.streams.info(`KV_${BUCKET}`, {
      subjects_filter: `${subjects}>`,
    });
    const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subjects.length));
    const found = await Promise.all(
      keys.map(async (key) => {
        const entry = await this.#bucket.get(key);
        return entry?.operation === 'PUT' ? announcementFrom(entry.string()) : undefined;
      }),
    );
    return found.filter((announcement) => announcement !== undefined);
  }

  /**
   * Says that a coordinator is there, now and from time to time. While NATS is away nothing is said, nor complained of: the
   * connection itself does that.
   *
   * @returns takes it back.
   */
  async announce(id: string, tell: () => Announcement, log: ClusterLog): Promise<() => Promise<void>> {
    const say = () => this.#bucket.put(id, announcementText(tell()));
    await say();
    let saying: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      if (!this.#connection.isConnected) return;
      saying = say().catch((error: unknown) => {
        if (this.#connection.isConnected)
          log.warn({ reason: messageOf(error) }, 'this coordinator could not be announced');
      });
    }, ANNOUNCE_MS);
    timer.unref();
    return async () => {
      clearInterval(timer);
      await saying;
      // Nobody hears it while NATS is away; then it is forgotten in a while.
      if (this.#connection.isConnected) await this.#bucket.delete(id).catch(() => undefined);
    };
  }
}
