import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Sandbox } from '../test/support/sandbox.js';
import { within } from '../test/support/wait.js';
import type { Clients } from './clients.js';
import type { PoolUnderTest } from './pool-under-test.js';

const STOP_MS = 15_000;
/** How long processes that were told to end may take beyond their pool, in ms. */
const END_MS = 2_000;

/** What a pool may leave behind. */
const ALLOWED = [
  /^queue\//,
  /^config\/offhand\/(token|signing-key)$/,
  /^cwd\/logs\/(coordinator|worker-\d+)\.log$/,
  /^history\//,
];
/** The sockets moved aside by the proxies of this run. */
const OURS = /^run\/offhand\/\.s\d+$/;
/** Of a client that was killed; the next worker or server that starts would have removed it (docs/files.md). */
const CLIENT_SOCKET = /^run\/offhand\/client-(\d+)-\d+\.sock$/;

/** Stops the pool. Returns whatever is not as it should be then. */
export async function leftoversIn(
  sandbox: Sandbox,
  pool: PoolUnderTest,
  clients: Clients,
): Promise<string[]> {
  const leftovers: string[] = [];
  const ended = await within(STOP_MS, 'the server to stop', pool.stop()).catch((error: unknown) =>
    String(error),
  );
  if (ended !== 'code 0') leftovers.push(`the server ended with ${ended}`);
  await sandbox.whenEmpty(END_MS).catch((error: unknown) => leftovers.push((error as Error).message));
  const killed = new Set(
    clients.lives.filter(({ end }) => end.kind === 'killed').map(({ pid }) => String(pid)),
  );
  for (const file of filesIn(sandbox.dir)) {
    if (ALLOWED.some((pattern) => pattern.test(file)) || OURS.test(file)) continue;
    const pid = CLIENT_SOCKET.exec(file)?.[1];
    if (pid === undefined || !killed.has(pid)) leftovers.push(`the file ${file}`);
  }
  return leftovers;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
