// npm run bench:pages: what open pages of the dashboard cost the server, in percent of one core. The pages are programs that ask what
// the page asks: the events, and the status and the metrics once a second. --pages and --seconds may be given.
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pidusage from 'pidusage';
import { HttpCaller } from '../test/support/http-caller.js';
import { Sandbox } from '../test/support/sandbox.js';
import { startServer } from '../test/support/server.js';

/** As the page does it, see web/src. */
const [LOOK_MS, EVENTS] = [1_000, '/v1/events?per_second=20'];
const SHARED = { 'cache-control': 'max-age=1' };

/** Between tasks that are submitted, so that there are events, in ms. */
const TASK_EVERY_MS = 50;

const { values } = parseArgs({
  options: { pages: { type: 'string', default: '50' }, seconds: { type: 'string', default: '20' } },
});
const [pages, seconds] = [Number(values.pages), Number(values.seconds)];

await using sandbox = new Sandbox();
// What others take of the machine is missing here.
console.log(`load of the machine before: ${(loadavg()[0] ?? 0).toFixed(1)}`);
const server = await startServer(sandbox, ['4', '--no-profile', '--http']);
const http = new HttpCaller(server.http, server.token);

/** Looks like an open page, until it is closed. */
async function openPage(headers: Record<string, string>, closing: AbortSignal): Promise<void> {
  const { body } = await http.fetch(EVENTS, {}, closing);
  const read = async () => {
    for await (const _ of body ?? []) if (closing.aborted) return;
  };
  const look = async () => {
    // Pages are opened at any time of a second.
    await delay(Math.random() * LOOK_MS);
    while (!closing.aborted) {
      const asked = ['/status', '/metrics'].map((path) => http.fetch(path, { headers }));
      await Promise.all((await Promise.all(asked)).map((response) => response.arrayBuffer()));
      await delay(LOOK_MS);
    }
  };
  await Promise.all([read(), look()]).catch((error: unknown) => {
    if (!closing.aborted) throw error;
  });
}

/** CPU of the server while so many pages are open, in percent of one core. */
async function cost(count: number, headers: Record<string, string>): Promise<number> {
  const closing = new AbortController();
  const open = Array.from({ length: count }, () => openPage(headers, closing.signal));
  await delay(2 * LOOK_MS);
  await pidusage(server.pid);
  await delay(seconds * 1_000);
  const { cpu } = await pidusage(server.pid);
  closing.abort();
  await Promise.all(open);
  return cpu;
}

const tasks = setInterval(() => void http.submit('() => 1', [], { name: 'tick' }), TASK_EVERY_MS);
const none = await cost(0, {});
const shared = await cost(pages, SHARED);
const alone = await cost(pages, {});
clearInterval(tasks);
const inPercent = (cpu: number) => `${cpu.toFixed(1).padStart(5)} % of a core`;
console.log(
  `no page:                             ${inPercent(none)}, with ${1_000 / TASK_EVERY_MS} tasks a second`,
);
console.log(
  `${pages} pages:                           ${inPercent(shared)}, ${inPercent(shared - none).trim()} for the pages`,
);
console.log(
  `${pages} that each want new answers:       ${inPercent(alone)}, ${inPercent(alone - none).trim()} for them`,
);
await server.stop();
