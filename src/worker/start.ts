import { messageOf, PoolError } from '../core/errors.js';
import { portsOf } from '../wire/address.js';
import { once } from '../core/once.js';
import { withResolvers } from '../core/with-resolvers.js';
import { bindFirstFree, createGrpcServer, shutDownOrderly, silenceGrpc } from '../wire/grpc-server.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import { createLogger, type Logger } from '../host/logger.js';
import { discoveryService, workerService } from '../wire/proto.js';
import { releaseSocket } from '../host/sockets.js';
import { Attachment } from './attachment.js';
import { watchOpenFiles } from './file-watch.js';
import { watchMemory } from './memory-watch.js';
import { retirement } from './retirement.js';
import { watchTasks } from './task-watch.js';
import { VERSION } from '../wire/protocol.js';
import type { CoordinatorPlace, WorkerEnd, WorkerOptions } from '../wire/process-messages.js';
import { recruitHandlers } from './recruit.js';
import { workerHandlers } from './service.js';
import type { TaskNews } from './thread-messages.js';
import { endStuck, type Worker } from './worker.js';

/** How long callers may take to hear what became of their tasks, in ms. */
const LAST_WORDS_MS = 1_000;

export interface EndOfWorker {
  end: WorkerEnd;
  message: string;
}

export interface RunningWorker {
  /** Resolves when the worker has ended, for whatever reason. */
  readonly ended: Promise<EndOfWorker>;
  /** Lets what runs finish, within this time, and leaves. */
  stop(drainMs: number): Promise<void>;
}

export interface StartEvents {
  listening(port: number): void;
  /** A coordinator has taken it on, under this name. */
  attached(worker: string, coordinator: CoordinatorPlace): void;
  /** It takes nothing more, and goes when it has finished what it runs: another one is to take its place. */
  retiring(): void;
}

/**
 * Brings a worker into a pool: its port, its attachment. Resolves when it listens and its slots are ready.
 *
 * @param given may become known only while the slots start. Undefined: it waits to be found.
 * @throws PoolError when no port is free.
 */
export async function startWorker(
  worker: Worker,
  options: WorkerOptions,
  given: Promise<CoordinatorPlace> | undefined,
  events: StartEvents,
): Promise<RunningWorker> {
  // A port that is taken is expected here and no news for anybody's terminal.
  silenceGrpc();
  const server = createGrpcServer(options.credentials);
  if (options.standardServices) (await import('../wire/standard-services.js')).addStandardServices(server);
  let name = options.name ?? options.replaces?.name ?? '';
  let port = 0;
  const stateOf = (): WorkerState => ({
    worker: name,
    host: options.advertise,
    port,
    pid: process.pid,
    ...worker.state,
    tags: [...options.tags],
    version: VERSION,
    ...processUsage(),
  });
  server.addService(workerService, workerHandlers(worker, stateOf));
  const found = withResolvers<CoordinatorPlace>();
  let attachment: Attachment | undefined;
  if (options.isDiscoverable) {
    const recruit = recruitHandlers({
      token: options.credentials.token,
      portOf: () => port,
      belongsTo: () => attachment?.belongsTo,
      onAdopted: (place) => (attachment ? void attachTo(place) : found.resolve(place)),
    });
    server.addService(discoveryService, recruit);
  }
  const taken: number[] = [];
  port = await listen(server, options, (each) => taken.push(each));
  const log = await createLogger({
    // Of several on one machine that have no names yet, each has a port.
    name: options.name ?? `worker-${port}`,
    dir: options.logDir,
    pretty: false,
    level: options.logLevel,
  });
  log.info({ host: options.host, advertise: options.advertise, port, taken }, 'listening');
  // A thread stuck in native code cannot be stopped any other way; the supervisor starts another process.
  worker.onNews = (news) => logNews(log, news);
  worker.onStuck = () => {
    log.error('a thread could not be ended; ending the process');
    endStuck();
  };
  await worker.whenReady();
  events.listening(port);

  const ended = withResolvers<EndOfWorker>();
  const end = once(async (why: WorkerEnd, message: string) => {
    log.info({ why, reason: message }, 'ending');
    await worker.stop();
    worker.slotAddresses.forEach(releaseSocket);
    await shutDownOrderly(server, LAST_WORDS_MS);
    ended.resolve({ end: why, message });
  });
  const leave = once(async (why: WorkerEnd, message: string) => {
    await worker.hangUp(LAST_WORDS_MS);
    await attachment?.leave();
    await end(why, message);
  });
  const stop = async (drainMs: number) => {
    await worker.drain(drainMs);
    await leave('drained', 'the pool has no use for it any more');
  };
  /** Under another coordinator than before it is another worker: what it was lent is over. */
  const attachTo = async (coordinator: CoordinatorPlace) => {
    const before = attachment;
    attachment = new Attachment(
      worker,
      { ...options, name, coordinator, isJoined: options.name === undefined || before !== undefined },
      stateOf,
      {
        attached: (given) => {
          name = given;
          events.attached(name, coordinator);
        },
        drain: (withinMs) => void stop(withinMs),
        ended: (reason) => void end('abandoned', reason.message),
      },
      log,
    );
    await before?.close();
  };
  const retire = retirement(
    worker,
    (why) => {
      log.info({ reason: why }, 'retiring');
      attachment?.announceDrain();
      events.retiring();
    },
    (why) => void leave('retired', why),
  );
  const { maxRssBytes, maxTasks, maxOpenFiles } = options;
  const watches = [
    maxRssBytes === undefined ? undefined : watchMemory(worker, maxRssBytes, retire),
    maxTasks === undefined ? undefined : watchTasks(worker, maxTasks, retire),
    maxOpenFiles === undefined ? undefined : watchOpenFiles(maxOpenFiles, retire),
  ];
  void ended.promise.then(() => watches.forEach((endWatch) => endWatch?.()));
  void firstCoordinator(given ?? found.promise, given ? undefined : options.coordinatorTimeoutMs).then(
    attachTo,
    (error: unknown) => end('abandoned', messageOf(error)),
  );
  return { ended: ended.promise, stop };
}

/** @param withinMs for as long it waits to be found; as long as it takes where undefined. */
async function firstCoordinator(
  place: Promise<CoordinatorPlace>,
  withinMs: number | undefined,
): Promise<CoordinatorPlace> {
  if (withinMs === undefined) return place;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `no coordinator has found this worker within ${withinMs} ms; give another --coordinator-timeout, or --join HOST:PORT`;
    timer = setTimeout(() => reject(new PoolError('unavailable', message)), withinMs);
  });
  return Promise.race([place, late]).finally(() => clearTimeout(timer));
}

/** Looked at when somebody asks, so that it costs nothing where nobody does. */
function processUsage(): Required<Pick<WorkerState, 'cpuMs' | 'uptimeMs' | 'rssBytes'>> {
  const { user, system } = process.cpuUsage();
  return {
    cpuMs: (user + system) / 1_000,
    uptimeMs: performance.now(),
    rssBytes: process.memoryUsage.rss(),
  };
}

/** What tasks print is kept, each line with its task. */
function logNews(log: Logger, { taskId, attempt, what }: TaskNews): void {
  if (what.kind === 'printed')
    log.info({ task: taskId, attempt, stderr: what.isError || undefined }, what.text);
  if (what.kind === 'late')
    log.warn({ task: taskId, attempt, error: what.words }, 'after its task had ended');
}

async function listen(
  server: Parameters<typeof bindFirstFree>[0],
  { host, ports, credentials }: WorkerOptions,
  onTaken: (port: number) => void,
): Promise<number> {
  const port = await bindFirstFree(server, { host, ports: portsOf(ports) }, credentials, onTaken);
  if (port !== undefined) return port;
  throw new PoolError(
    'unavailable',
    `no port from ${ports?.first} to ${ports?.last} is free for a worker; give another range with --worker-ports`,
  );
}
