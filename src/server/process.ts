// Entry of the process that `startPool` runs its pool in: the pool ends with whoever holds the other end of the channel.
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { messageOf, PoolError } from '../core/errors.js';
import type { ServerNotice, ServerRequest } from './options.js';
import { type RunningServer, startServer } from './server.js';

setLogVerbosity(logVerbosity.NONE);

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
});

process.on('message', (request: ServerRequest) => {
  if (request.type === 'stop') return void server?.stop();
  startServer(request.options).then(
    async (started) => {
      server = started;
      const { host, port, profile } = started;
      await tell({ type: 'started', host, port, profile });
      await started.stopped;
      process.exit(0);
    },
    async (error: unknown) => {
      const code = error instanceof PoolError ? error.code : 'internal';
      await tell({ type: 'failed', code, message: messageOf(error) });
      process.exit(1);
    },
  );
});
