import { PoolError } from '../core/errors.js';
import { portsOf } from '../wire/address.js';
import { once } from '../core/once.js';
import { withResolvers } from '../core/with-resolvers.js';
import { bindFirstFree, createGrpcServer, shutDownOrderly, silenceGrpc } from '../wire/grpc-server.js';
import type { WorkerState } from '../wire/generated/offhand/v1/WorkerState.js';
import { createLogger, type Logger } from '../host/logger.js';
import { workerService } from '../wire/proto.js';
import { releaseSocket } from '../host/sockets.js';
import { Attachment } from './attachment.js';
import { watchMemory } from './memory-watch.js';
import type { CoordinatorPlace, WorkerOptions } from '../wire/process-messages.js';
import { workerHandlers } from './service.js';
import type { TaskNews } from './thread-messages.js';
import { endStuck, type Worker } from './worker.js';

/** How long what became of tasks that were stopped may take to reach their callers, in ms. */
const LAST_WORDS_MS = 1_000;

export interface RunningWorker {
  readonly port: number;
  /** Resolves when the worker has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Brings a worker into its pool: its port, its attachment. Resolves when it is attached.
 *
 * @param coordinator may become known only while the slots start.
 * @throws PoolError when no port is free, or the coordinator refuses it or cannot be reached.
 */
export async function startWorker(
  worker: Worker,
  options: WorkerOptions,
  coordinator: Promise<CoordinatorPlace>,
): Promise<RunningWorker> {
  // A thread stuck in native code cannot be stopped any other way; the supervisor starts another process.
  // A port that is taken is expected here and no news for anybody's terminal.
  silenceGrpc();
  const log = await createLogger({
    name: options.name,
    dir: options.logDir,
    pretty: false,
    level: options.logLevel,
  });
  worker.onStuck = () => {
    log.error('a thread could not be ended; ending the process');
    endStuck();
  };
  worker.onNews = (news) => logNews(log, news);
  const server = createGrpcServer(options.credentials);
  if (options.standardServices) (await import('../wire/standard-services.js')).addStandardServices(server);
  let port = 0;
  const stateOf = (): WorkerState => ({
    worker: options.name,
    host: options.advertise,
    port,
    pid: process.pid,
    ...worker.state,
  });
  server.addService(workerService, workerHandlers(worker, stateOf));
  port = await listen(server, options, (taken) => log.debug({ port: taken }, 'port taken'));
  log.info({ host: options.host, advertise: options.advertise, port }, 'listening');
  await worker.whenReady();

  const ended = withResolvers<void>();
  const attached = withResolvers<void>();
  const end = async (reason: PoolError | undefined) => {
    log.info({ reason: reason?.message }, 'ending');
    if (reason) attached.reject(reason);
    await worker.stop();
    worker.slotAddresses.forEach(releaseSocket);
    await shutDownOrderly(server, LAST_WORDS_MS);
    ended.resolve();
  };
  const leave = once(async () => {
    await attachment.leave();
    await end(undefined);
  });
  const stop = async (drainMs: number) => {
    await worker.drain(drainMs);
    await leave();
  };
  const attachment = new Attachment(
    worker,
    { ...options, coordinator: await coordinator },
    stateOf,
    {
      attached: () => attached.resolve(),
      drain: (withinMs) => void stop(withinMs),
      ended: (reason) => void end(reason),
    },
    log,
  );
  await attached.promise;
  if (options.maxRssBytes !== undefined) {
    const retiring = (words: string) => {
      log.warn({ reason: words }, 'retiring');
      attachment.announceDrain();
    };
    const endWatch = watchMemory(worker, options.maxRssBytes, retiring, () => void leave());
    void ended.promise.then(endWatch);
  }
  return { port, ended: ended.promise, stop: () => stop(0) };
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
