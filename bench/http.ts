// npm run bench:http: how many tasks a second POST /submit_task takes, on a server that runs them meanwhile. Prints a table;
// --seconds and --connections may be given.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { serializeTask } from 'offhand';
import { Sandbox } from '../test/support/sandbox.js';
import { startServer } from '../test/support/server.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '32' } },
});
const connections = Number(values.connections);

await using sandbox = new Sandbox();
const flags = ['--no-profile', '--http', '--http-rate', '1000000', '--max-queued', '10000000'];
// What others take of the machine is missing here.
const load = loadavg()[0] ?? 0;
console.log(`load of the machine before: ${load.toFixed(1)}`);
for (const workers of ['1', '2']) {
  const server = await startServer(sandbox, [workers, ...flags]);
  const body = JSON.stringify({ task: serializeTask((n: number) => n + 1, 1) });
  const submit = (seconds: number) =>
    autocannon({
      url: `${server.http}/submit_task`,
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      body,
      connections,
      duration: seconds,
    });
  await submit(2);
  const { requests, latency, non2xx, errors } = await submit(Number(values.seconds));
  if (non2xx + errors > 0) throw new Error(`${non2xx} requests were refused, ${errors} failed`);
  const rate = Math.round(requests.average).toLocaleString('en');
  console.log(
    `${workers} workers: ${rate} POST /submit_task a second, p50 ${latency.p50} ms, p99 ${latency.p99} ms`,
  );
  await server.stop('SIGTERM');
}
