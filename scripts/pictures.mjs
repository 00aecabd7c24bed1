// npm run pictures: makes the pictures of the README again. Needs the profiles of `npm run bench`.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';

const home = mkdtempSync(join(tmpdir(), 'offhand-pictures-'));
const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
const server = spawn(process.execPath, ['dist/cli/main.js', 'server', '2', '--log-dir', join(home, 'logs')], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
for await (const chunk of server.stdout) {
  output += chunk;
  if (output.includes('to stop')) break;
}
const profile = /profile\s+(\S+)/.exec(output)[1];
const client = () =>
  once(spawn('npm', ['run', '--silent', 'example', 'examples/client.ts'], { env, stdio: 'inherit' }), 'exit');
const first = client();
// The second shell is a little later, as it would be by hand; so one sees the pool being shared from then on.
await new Promise((resolve) => setTimeout(resolve, 3_000));
await Promise.all([first, client()]);
server.kill('SIGTERM');
await once(server, 'exit');
rmSync(home, { recursive: true, force: true });

const grapher = (file) =>
  execFileSync(process.execPath, ['dist/cli/main.js', 'grapher', file, '--format', 'pdf,png'], {
    stdio: 'inherit',
  });
grapher(profile);
grapher('profiling/bench.csv');
execFileSync(process.execPath, ['scripts/run-ts.mjs', 'bench/peers/draw.ts'], { stdio: 'inherit' });
execFileSync(process.execPath, ['scripts/terminal-pictures.mjs'], { stdio: 'inherit' });
execFileSync(process.execPath, ['scripts/dashboard-pictures.mjs'], { stdio: 'inherit' });
