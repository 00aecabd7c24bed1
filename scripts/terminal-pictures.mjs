// Makes the pictures of terminals in the README again: what can be seen in a real one (tmux), drawn. Part of `npm run pictures`.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCanvas, GlobalFonts } from '@napi-rs/canvas';

const [COLUMNS, ROWS, SIZE, LINE, MARGIN, SCALE] = [92, 30, 14, 18, 16, 2];
const WAIT_MS = 60_000;
GlobalFonts.registerFromPath('node_modules/dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf', 'mono');

const home = mkdtempSync(join(tmpdir(), 'offhand-pictures-'));
const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home, PS1: '$ ' };
delete env.TMUX;
const tmux = (...args) =>
  execFileSync('tmux', ['-S', join(home, 'tmux'), ...args], { cwd: home, env, encoding: 'utf8' });
const screen = () => tmux('capture-pane', '-p').trimEnd();

try {
  // The examples where they are named as in the README, in a shell that knows `npx offhand` as the checkout's.
  cpSync('examples/scripts', join(home, 'examples', 'scripts'), { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  const main = resolve('dist/cli/main.js');
  writeFileSync(join(home, 'shell'), `npx() { shift; '${process.execPath}' '${main}' "$@"; }\nPS1='$ '\n`);
  const shell = ['env', `ENV=${join(home, 'shell')}`, 'sh'];
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(COLUMNS), '-y', String(ROWS), ...shell);
  await shows(/\$/);

  type('npx offhand scripts examples/scripts');
  const during = await shows(/matrix\.py +running[^]*[1-9] of 6 scripts/);
  const after = await shows(/6 succeeded, 0 failed/);
  draw('plots/scripts.png', [...during.split('\n'), '', ...after.split('\n').slice(1, -1)]);

  type('clear; npx offhand console --workers 3 --policy least-remaining');
  await shows(/^queue +empty/m);
  for (const line of ['add 3x20s', 'add 8', 'add primes 200000 priority=5']) {
    type(line);
    await shows(/in the queue\n(?!.*in the queue)[^]*offhand> *$/);
  }
  await shows(/^queue +2: #5 /m);
  tmux('send-keys', '-l', 'scale 4');
  draw('plots/console.png', (await shows(/offhand> scale 4$/)).split('\n').slice(0, ROWS));
  tmux('send-keys', 'C-c');
  await shows(/\$$/);
} finally {
  tmux('kill-server');
  rmSync(home, { recursive: true, force: true });
}

function type(line) {
  tmux('send-keys', '-l', line);
  tmux('send-keys', 'Enter');
}

async function shows(pattern) {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const seen = screen();
    if (pattern.test(seen)) return seen;
    if (performance.now() > until) throw new Error(`not on the screen: ${pattern}\n${seen}`);
    await delay(25);
  }
}

function draw(file, lines) {
  const width = Math.ceil(COLUMNS * SIZE * 0.602) + 2 * MARGIN;
  const canvas = createCanvas(width * SCALE, (lines.length * LINE + 2 * MARGIN) * SCALE);
  const context = canvas.getContext('2d');
  context.scale(SCALE, SCALE);
  context.fillStyle = '#1b1f24';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = '#e6e6e6';
  context.font = `${SIZE}px mono`;
  context.textBaseline = 'middle';
  for (const [row, line] of lines.entries()) context.fillText(line, MARGIN, MARGIN + (row + 0.5) * LINE);
  writeFileSync(file, canvas.toBuffer('image/png'));
}
