// Pictures of the dashboard for the README and docs/dashboard.md, of a pool with work to do. Part of `npm run pictures`; alone:
// node scripts/dashboard-pictures.mjs. Needs Debian's chromium.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** How long the lines are, so that they have something to show. */
const LOAD_MS = 45_000;

const home = mkdtempSync(join(tmpdir(), 'offhand-pictures-'));
const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
const server = spawn(
  process.execPath,
  [
    ...['dist/cli/main.js', 'server', '4', '--tag', 'ssd', '--log-dir', join(home, 'logs')],
    ...['--profile', join(home, 'profiling', 'results_4.csv')],
  ],
  { env, stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
for await (const chunk of server.stdout.iterator({ destroyOnReturn: false })) {
  output += chunk;
  if (output.includes('to stop')) break;
}
const [, link] = /browser\s+(\S+)/.exec(output);
const base = new URL(link).origin;
const token = readFileSync(join(home, 'offhand', 'token'), 'utf8').trim();
const submit = async (name, source, args, options = {}) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ source, args, options: { name, ...options } });
  const response = await fetch(`${base}/v1/tasks`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).task_id;
};
// They wait as work does that asks others, and so leave the machine free to draw.
const WORK = `async (file, ms) => {
  console.log('reading', file);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { file, bytes: ms * 997 };
}`;
const FAILING = `function parsePrices(file) {
  console.log('reading', file);
  throw new RangeError(file + ': line 812: expected 7 columns, got 6');
}`;
const names = ['resizeImage', 'countWords', 'simulateOrbit'];
let n = 0;
const LATE = `async (file) => {
  await new Promise((resolve) => setTimeout(resolve, 700));
  throw new RangeError(file + ': line 812: expected 7 columns, got 6');
}`;
const more = async () => {
  if (n % 13 === 12) await submit('parsePrices', LATE, ['prices-1.csv'], { retries: 0 });
  const name = names[n % 3];
  await submit(name, WORK, [`${name}-${n}.bin`, 250 + ((n * 7919) % 1800)]);
  n += 1;
};
const load = setInterval(() => void more(), 320);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});
const context = await browser.newContext({ deviceScaleFactor: 2 });
const page = await context.newPage();
await page.goto(link);
// What it is to show it has to have seen.
await page.getByRole('link', { name: 'Stream' }).click();
await page.waitForTimeout(LOAD_MS);
const failed = await submit('parsePrices', FAILING, ['prices-2.csv'], { retries: 0 });
for (let i = 0; i < 3; i++) await more();
await page.waitForTimeout(3_000);
const SIZES = { desktop: { width: 1100, height: 620 }, phone: { width: 390, height: 780 } };
const shots = [
  ['now', '/now', 'desktop', 'light'],
  ['now', '/now', 'desktop', 'dark'],
  ['now', '/now', 'phone', 'dark'],
  ['stream', '/stream', 'desktop', 'light'],
  ['stream', '/stream', 'phone', 'dark'],
  ['tasks', '/tasks', 'phone', 'light'],
  ['tasks', '/tasks', 'desktop', 'dark'],
  ['task', `/tasks/${failed}`, 'desktop', 'light'],
  ['workers', '/workers', 'desktop', 'light'],
  ['workers', '/workers', 'phone', 'dark'],
  ['run', '/run', 'desktop', 'light'],
  ['run', '/run', 'phone', 'dark'],
  ['worker', '/workers/worker-2', 'desktop', 'dark'],
];
for (const [view, path, size, colorScheme] of shots) {
  await page.setViewportSize(SIZES[size]);
  await page.emulateMedia({ colorScheme });
  await page.evaluate(`location.hash = '#${path}'`);
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: join('plots', `dashboard-${view}-${size}-${colorScheme}.png`) });
}
clearInterval(load);
await browser.close();
server.kill('SIGTERM');
await once(server, 'exit');
rmSync(home, { recursive: true, force: true });
