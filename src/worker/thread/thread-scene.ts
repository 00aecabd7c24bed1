import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import type { Audit } from '../audit.js';
import type { Board } from '../board.js';
import { namedFunctions } from '../../wire/functions/named.js';
import { FunctionCache } from './function-cache.js';
import { watchStrays } from '../strays.js';
import { captureOutput } from './task-output.js';
import type { RunIsolated } from './job.js';
import { TaskRunner } from './task-runner.js';
import type { SceneSettings, ThreadMessage } from '../thread-messages.js';

interface Scene {
  port: MessagePort;
  board: Board;
  settings: SceneSettings;
  audit: Audit | undefined;
  runIsolated: RunIsolated;
}

/** Makes this thread one in which tasks run, and gives what runs them: the surroundings that their code finds. */
export function setScene({ port, board, settings, audit, runIsolated }: Scene): TaskRunner {
  const { workerId, moduleFolder, keepsOutput, maxOutputBytes, functions } = settings;
  // Functions come without their imports: those inside them have to resolve from somewhere.
  Object.defineProperty(globalThis, 'require', {
    value: createRequire(join(moduleFolder, 'offhand-task.js')),
    configurable: true,
    writable: true,
  });
  const tell = (message: ThreadMessage) => port.postMessage(message);
  const runner = new TaskRunner(board, new FunctionCache(moduleFolder, namedFunctions(functions)), tell, {
    workerId,
    audit,
    maxOutputBytes,
    hold: { release: () => port.unref(), take: () => port.ref() },
    tellNews(news) {
      // What nobody keeps or follows need not leave the thread.
      if (news.what.kind === 'printed' && !news.what.isSent && !keepsOutput) return;
      tell({ type: 'news', news });
      board.newsSent();
    },
    runIsolated,
  });
  const scopeOf = () => runner.scopes.current;
  runner.scopes.provide();
  captureOutput((text, isError) => scopeOf()?.print(text, isError) ?? text);
  const exit = process.exit.bind(process);
  watchStrays(scopeOf, (stray) => {
    tell({ type: 'stray', stray });
    exit(1);
  });
  process.on('beforeExit', () => runner.nothingLeft());
  return runner;
}
