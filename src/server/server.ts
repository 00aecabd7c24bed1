import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { PoolError } from '../core/errors.js';
import { once } from '../core/once.js';
import { fits, tagSet } from '../core/tags.js';
import { withResolvers } from '../core/with-resolvers.js';
import { formatAddress, isWildcard } from '../wire/address.js';
import type { Credentials } from '../wire/credentials.js';
import { tlsObstacle } from '../wire/tls-obstacle.js';
import { bindFirstFree, createGrpcServer } from '../wire/grpc-server.js';
import { ensureSigningKey } from '../host/token.js';
import { createLogger, type Logger } from '../host/logger.js';
import { releaseSocket, removeLeftSockets } from '../host/sockets.js';
import { meetHandler } from '../wire/discovery.js';
import { coordinatorService, discoveryService, queueService } from '../wire/proto.js';
import { CoordinatorAudit } from './audit.js';
import { AttemptWatch, logAttempts } from './attempt-watch.js';
import { type ClusterView, joinCluster } from './cluster-member.js';
import { Coordinator } from './coordinator.js';
import type { CoordinatorPlace, ServerOptions } from '../wire/process-messages.js';
import { EventLog } from './event-log.js';
import type { Serve, Service } from './face.js';
import { keepConnectionsAlive } from './keepalive.js';
import { Losses } from './losses.js';
import { Membership } from './membership.js';
import { discoverWorkers } from './discoverer.js';
import { poolStatus } from './pool-status.js';
import { type OpenProfile, openProfile } from './profile.js';
import { faceOf } from './pool-face.js';
import { announcePool } from './announcement.js';
import { coordinatorHandlers } from './service.js';
import type { Supervisor } from './supervisor.js';

/** How often workers report at most, in ms. */
const REPORT_INTERVAL_MS = 500;
/** What a worker may need beyond the drain timeout to say good-bye, in ms. */
const GOODBYE_MS = 2_000;

export interface RunningServer {
  /** What clients dial. */
  readonly host: string;
  readonly port: number;
  /** URL of the HTTP service, if there is one. */
  readonly http: Pick<Service, 'address' | 'link'> | undefined;
  /** Where the profile goes, if one is written. */
  readonly profile: string | undefined;
  /** Those of its own that are attached now. */
  workers(): { worker: string; port: number; pid: number }[];
  /** Resolves when the pool has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
  /** Once it has stopped: how many submitted tasks had no outcome and are gone with a store in memory. */
  droppedTasks(): number;
  /** Lets running tasks finish, up to the drain timeout, then ends every process. Asking twice is harmless. */
  stop(drainTimeoutMs?: number): Promise<void>;
  /** Ends every worker now; resolves when the profile is whole. */
  kill(): Promise<void>;
}

/**
 * Starts a pool, whose workers are starting already: coordinator, profiler, HTTP service.
 *
 * @throws PoolError in one sentence when any of it cannot start.
 */
export async function startServer(
  options: ServerOptions,
  supervisor: Supervisor,
  serve?: Serve,
): Promise<RunningServer> {
  try {
    return await start(options, supervisor, serve);
  } catch (error) {
    await supervisor.kill();
    throw error;
  }
}

async function start(
  options: ServerOptions,
  supervisor: Supervisor,
  serve: Serve | undefined,
): Promise<RunningServer> {
  const { host, advertise } = options;
  const log = await createLogger({
    name: 'coordinator',
    dir: options.logDir,
    pretty: options.logPretty,
    level: options.logLevel,
  });
  const eventLog = options.eventLog === undefined ? undefined : await EventLog.open(options.eventLog);
  eventLog?.onError((error) => log.error({ reason: error.message }, 'the event log is given up'));
  // Of the server before, whose workers go on: then none starts that would do it.
  if (options.announce) removeLeftSockets();
  const coordinator = coordinatorOf(options, supervisor, eventLog, log);
  const membership = new Membership(coordinator, supervisor, options, log);
  keepConnectionsAlive();
  const server = createGrpcServer(options.credentials);
  if (options.standardServices) (await import('../wire/standard-services.js')).addStandardServices(server);
  const losses = new Losses();
  supervisor.onLost = (worker, loss) => losses.note(worker, loss);
  const stopped = withResolvers<void>();
  let droppedTasks = 0;
  let service: Service | undefined;
  let isStopping = false;
  const joined = withResolvers<ClusterView>();
  joined.promise.catch(() => undefined); // Told by whoever starts the server.
  const release: (() => void | Promise<void>)[] = [
    () => eventLog?.close(),
    () => server.forceShutdown(),
    () => coordinator.stop(),
    () => membership.stop(),
  ];
  /** Newest first. A start that fails may meet somebody's word to stop. */
  const releaseAll = once(async () => {
    for (const action of release.reverse()) await action();
  });

  const stop = once(async (drainTimeoutMs: number = options.drainTimeoutMs) => {
    log.info('stopping');
    isStopping = true;
    queue.stop();
    coordinator.drain(drainTimeoutMs);
    await Promise.all([
      joined.promise.then(
        (view) => view.leave(),
        () => undefined,
      ),
      supervisor.stop(drainTimeoutMs + GOODBYE_MS),
      // Those that have come by themselves are nobody's to end.
      Promise.race([membership.whenEmpty(), delay(drainTimeoutMs + GOODBYE_MS, undefined, { ref: false })]),
    ]);
    await releaseAll();
    log.info('stopped');
    stopped.resolve();
  });
  const audit = options.auditLog === undefined ? undefined : new CoordinatorAudit(options.auditLog, log);
  release.push(() => audit?.close());
  const { Intake, openQueue, QUEUE_CLIENT, queueHandlers, startQueue } = await import('../queue/index.js');
  const queue = await openQueue(options, audit, log);
  const intake = new Intake();
  coordinator.listen({
    asked: (client) => {
      if (client !== QUEUE_CLIENT) intake.giveWay();
    },
  });
  server.addService(queueService, queueHandlers(queue, intake));
  release.push(async () => {
    droppedTasks = await queue.close();
    if (droppedTasks > 0)
      log.warn({ tasks: droppedTasks }, 'tasks without an outcome are gone with the memory store');
  });
  const status = () =>
    poolStatus(coordinator, {
      // Its own requests for workers are for tasks that are counted anyway.
      queue: { waiting: (limit) => queue.waiting(limit), client: QUEUE_CLIENT },
      httpAddress: service?.address ?? '',
      code: options.functions ? 'named' : 'any',
    });
  const handlers = coordinatorHandlers(coordinator, {
    losses,
    membership,
    status,
    cluster: async () => (await joined.promise).document(),
    functions: options.functions,
    asksCertificates: options.credentials.tls?.clientCa !== undefined,
    greeted: (client, from) => audit?.connected(client, from),
    stop: ({ now }) => {
      void stop(now ? 0 : undefined);
      // It may have begun to stop before, with more patience.
      if (now) void supervisor.kill();
    },
  });
  server.addService(coordinatorService, handlers);
  let port = 0;
  if (options.announce) {
    const Meet = meetHandler('coordinator', () => port, options.credentials.token);
    server.addService(discoveryService, { Meet });
  }

  try {
    port = await listen(server, options);
    const workers = () =>
      coordinator.members.inOrder
        .filter(({ info }) => !info.joined)
        .map(({ info: { worker, port, pid } }) => ({ worker, port, pid }));
    log.info({ host, advertise, port }, 'listening');
    const own: CoordinatorPlace = { host: ownHost(host), port, certifiedFor: advertise };
    await checkTrust(own, options.credentials);
    startQueue(queue, own, options.credentials, log, {
      slotsFor: (requires) => coordinator.slotsFor(tagSet(requires, 'requires')),
      listen: (capacity) => coordinator.listen({ capacity }),
    });
    const attempts = new AttemptWatch(coordinator);
    if (options.logLevel === 'debug') logAttempts(attempts, log);
    let profile: OpenProfile | undefined;
    if (serve) {
      service = await serve(
        faceOf(coordinator, membership, {
          queue,
          log,
          logDir: options.logDir,
          attempts,
          status,
          cluster: async () => (await joined.promise).document(),
          profile: (lastMs) => profile?.soFar(lastMs),
          isStopping: () => isStopping,
        }),
      );
      const { close } = service;
      release.push(close);
    }
    if (options.profile !== undefined) {
      const opened = await openProfile(
        options.profile,
        { intervalMs: options.profileIntervalMs, reportIntervalMs: REPORT_INTERVAL_MS },
        coordinator,
        log,
      );
      profile = opened;
      release.push(() => opened.close());
    }
    const kill = async () => {
      await Promise.all([supervisor.kill(), profile?.stop()]);
    };
    await supervisor.attachTo(own, log);
    if (options.discover.length > 0) {
      const seen = { host: advertise, port, certifiedFor: advertise };
      release.push(discoverWorkers(coordinator, seen, options, log));
    }
    const reached = { address: formatAddress({ host: advertise, port }), http: service?.address };
    if (options.announce)
      release.push(
        announcePool({ ...reached, port }, options.credentials, supervisor.workRoot, coordinator, workers),
      );
    const view = await joinCluster(options.queue, coordinator, reached, log);
    release.push(() => view.leave());
    joined.resolve(view);
    return {
      host: advertise,
      port,
      http: service,
      profile: profile?.path,
      workers,
      stopped: stopped.promise,
      droppedTasks: () => droppedTasks,
      stop,
      kill,
    };
  } catch (error) {
    joined.reject(error);
    await releaseAll();
    throw error;
  }
}

/** The coordinator of a pool, and its processes: each hears what the other knows of workers that come and go. */
function coordinatorOf(
  options: ServerOptions,
  supervisor: Supervisor,
  eventLog: EventLog | undefined,
  log: Logger,
): Coordinator {
  const ownTags = [options.tags, ...options.tagsByWorker].map((tags) => tagSet(tags, 'tags'));
  const coordinator = new Coordinator(
    {
      signingKey: options.announce ? ensureSigningKey() : randomBytes(32),
      reportIntervalMs: REPORT_INTERVAL_MS,
      sampleIntervalMs: options.profile === undefined ? 0 : options.profileIntervalMs,
      heartbeatIntervalMs: options.heartbeatIntervalMs,
      workerTimeoutMs: options.workerTimeoutMs,
      policy: options.policy,
      eventLog,
      hasOwn: (needs) => ownTags.some((tags) => fits(tags, needs)),
    },
    supervisor.names,
    log,
  );
  coordinator.listen({
    attached: (link) => {
      // What is left of a server that had more of them, or that came late.
      if (!link.info.joined && !supervisor.accepts(link.info))
        coordinator.drainWorker(link, options.drainTimeoutMs);
    },
    silent: (link) => supervisor.end(link.info),
    gone: (link) => supervisor.parted(link.info),
  });
  supervisor.onEnded = (process) => {
    const link = coordinator.members.ofProcess(process);
    if (!link) return;
    coordinator.lose(link);
    // It could not do so itself.
    link.info.slotAddresses.forEach(releaseSocket);
  };
  return coordinator;
}

/** Greets itself as its workers are about to. @throws PoolError `invalid-argument` when they would not trust it. */
async function checkTrust(own: CoordinatorPlace, credentials: Credentials): Promise<void> {
  if (!credentials.tls) return;
  const obstacle = await tlsObstacle(formatAddress(own), credentials, own.certifiedFor);
  if (obstacle !== undefined) throw new PoolError('invalid-argument', obstacle);
}

/** How processes of this machine reach a host that is listened on, even where they do not reach the advertised one. */
function ownHost(host: string): string {
  if (!isWildcard(host)) return host;
  return isIP(host) === 6 ? '::1' : '127.0.0.1';
}

async function listen(server: Server, { host, ports, credentials }: ServerOptions): Promise<number> {
  const port = await bindFirstFree(server, { host, ports }, credentials);
  if (port !== undefined) return port;
  const tried =
    ports.length === 1 ? `port ${ports[0]} is taken` : `no port from ${ports[0]} to ${ports.at(-1)} is free`;
  throw new PoolError('unavailable', `${tried}; give another one with --port`);
}
