// Entry of the process that `startPool` runs its pool in: the pool ends with whoever holds the other end of the channel.
import { messageOf, PoolError } from '../core/errors.js';
import type { ServerNotice, ServerOptions, ServerRequest } from '../wire/process-messages.js';
import type { RunningServer } from './server.js';
import { Supervisor } from './supervisor.js';

let server: RunningServer | undefined;

const tell = (notice: ServerNotice) =>
  new Promise<void>((resolve) => {
    if (!process.connected) resolve();
    else process.send?.(notice, () => resolve());
  });

// The terminal's Ctrl-C reaches this process too; the starter decides, and its end is noticed below.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void server?.stop());
process.on('disconnect', () => {
  if (!server) process.exit(0); // The workers that were starting notice this end in the same way.
  void server.stop(0).then(() => process.exit(0));
  // Whoever could hear what became of the tasks is gone: nobody waits to be told.
  void server.kill();
});

process.on('message', (request: ServerRequest) => {
  if (request.type === 'stop') void server?.stop();
  else void start(request.options);
});

/** The workers load what they need while this process still loads the coordinator. */
async function start(options: ServerOptions): Promise<void> {
  try {
    const supervisor = Supervisor.start(options);
    const [{ startServer }, { silenceGrpc }] = await Promise.all([
      import('./server.js'),
      import('../wire/grpc-server.js'),
    ]);
    silenceGrpc();
    server = await startServer(options, supervisor);
    const { host, port, profile } = server;
    await tell({ type: 'started', host, port, profile });
    await server.stopped;
    process.exit(0);
  } catch (error) {
    const code = error instanceof PoolError ? error.code : 'internal';
    await tell({ type: 'failed', code, message: messageOf(error) });
    process.exit(1);
  }
}
