import type { StreamConfig } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import type { ObjectStore } from '@nats-io/obj';
import type { ClusterConnection, ClusterLog } from '../../../cluster/connection.js';
import { messageOf, PoolError } from '../../../core/errors.js';
import * as names from './names.js';

/** In ns, as NATS counts. */
const SECOND = 1_000_000_000;
const DAY = 86_400 * SECOND;

/** For how long a second submission of a task is known by the work stream itself; later ones are found when they come up. */
const DUPLICATES = 120 * SECOND;

/** That a task was there is known for so long after its outcome was dropped. */
const DROPPED_KEPT = 7 * DAY;

/** A function that nobody has submitted for so long is gone; see `FunctionStore`. */
const FUNCTIONS_KEPT = 60 * DAY;

/** For how long a coordinator that says nothing still counts as there. */
const SEAT_MS = 15_000;

export interface Rooms {
  keys: KV;
  lanes: KV;
  seats: KV;
  payloads: ObjectStore;
  functions: ObjectStore;
}

/** Makes what is not there, and checks what is. @throws PoolError */
export async function setUp(
  connection: ClusterConnection,
  replicas: number,
  log: ClusterLog,
): Promise<Rooms> {
  const { jetstream, libraries } = connection;
  try {
    await ensure(connection, replicas, {
      name: names.WORK,
      subjects: [names.WORK_SUBJECTS],
      retention: libraries.jetstream.RetentionPolicy.Workqueue,
      duplicate_window: DUPLICATES,
      description: `offhand ${names.VERSION}`,
    });
    const newest = { max_msgs_per_subject: 1 };
    await ensure(connection, replicas, { name: names.TASKS, subjects: [names.TASK_SUBJECTS], ...newest });
    await ensure(connection, replicas, { name: names.HELD, subjects: [names.HELD_SUBJECTS], ...newest });
    await ensure(connection, replicas, { name: names.DEAD, subjects: [names.DEAD_SUBJECTS], ...newest });
    const dropped = { name: names.DROPPED, subjects: [names.DROPPED_SUBJECTS], ...newest };
    await ensure(connection, replicas, { ...dropped, max_age: DROPPED_KEPT });
    const kvm = new libraries.kv.Kvm(jetstream);
    const objm = new libraries.obj.Objm(jetstream);
    const bucket = { replicas, history: 1, storage: libraries.jetstream.StorageType.File };
    const rooms = {
      keys: await kvm.create(names.KEYS, bucket),
      lanes: await kvm.create(names.LANES, bucket),
      seats: await kvm.create(names.SEATS, { ...bucket, ttl: SEAT_MS }),
      payloads: await objm.create(names.PAYLOADS, { replicas, storage: bucket.storage }),
      functions: await objm.create(names.FUNCTIONS, {
        replicas,
        storage: bucket.storage,
        ttl: FUNCTIONS_KEPT,
      }),
    };
    await warn(connection, log);
    return rooms;
  } catch (error) {
    throw error instanceof PoolError ? error : setUpRefusal(error, replicas);
  }
}

async function ensure(
  { manager, libraries }: ClusterConnection,
  replicas: number,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  const storage = libraries.jetstream.StorageType.File;
  const wanted = { num_replicas: replicas, storage, allow_direct: false, ...config };
  const there = await manager.streams.info(config.name).catch((error: unknown) => {
    if (/stream not found/i.test(messageOf(error))) return undefined;
    throw error;
  });
  if (!there) {
    // Another coordinator may make it at the same time, as we do.
    await manager.streams.add(wanted);
    return;
  }
  const { retention, num_replicas, description = '', subjects } = there.config;
  if (config.description !== undefined) checkStreamVersion(description);
  const expected = config.retention ?? libraries.jetstream.RetentionPolicy.Limits;
  if (retention !== expected || subjects.join() !== config.subjects?.join())
    throw new PoolError(
      'invalid-argument',
      `the stream ${config.name} is there with other settings than offhand makes it (${retention}, ${subjects.join()}); it is another program's, or was changed: remove it, or use another account of NATS`,
    );
  if (num_replicas !== replicas)
    throw new PoolError(
      'invalid-argument',
      `--store-replicas ${replicas}: the stream ${config.name} is there with ${num_replicas}; start with --store-replicas ${num_replicas}, or change all OFFHAND streams by \`nats stream edit --replicas\` first`,
    );
}

function checkStreamVersion(description: string): void {
  const version = Number(/^offhand (\d+)$/.exec(description)?.[1]);
  if (version === names.VERSION) return;
  const words =
    version > names.VERSION
      ? `has version ${version} and this offhand knows up to ${names.VERSION}: it was written by a newer offhand; update this machine's`
      : "is not of offhand: it is another program's; remove it, or use another account of NATS";
  throw new PoolError('version-mismatch', `the stream ${names.WORK} ${words}`);
}

/** Where something that was acknowledged could be lost. */
async function warn({ manager, libraries }: ClusterConnection, log: ClusterLog): Promise<void> {
  const { config } = await manager.streams.info(names.TASKS);
  if (config.num_replicas === 1)
    log.warn(
      {},
      'submitted tasks have one replica: a disk of NATS that is lost takes them along; see --store-replicas 3',
    );
  if (config.storage === libraries.jetstream.StorageType.Memory)
    log.warn(
      {},
      'the streams of NATS are in memory: servers that restart together have lost submitted tasks',
    );
  log.info(
    {},
    'NATS writes to disk every 2 minutes unless its sync_interval says otherwise: a machine that loses power may lose what was acknowledged since; replicas on other machines have it (docs/cluster.md)',
  );
}

function setUpRefusal(error: unknown, replicas: number): PoolError {
  const words = messageOf(error);
  if (/replicas > 1|insufficient|no suitable peers|peer/i.test(words) && replicas > 1)
    return new PoolError(
      'invalid-argument',
      `--store-replicas ${replicas}: NATS has not that many servers with JetStream (${words})`,
    );
  return new PoolError('unavailable', `NATS cannot keep tasks: ${words}`, { cause: error });
}
