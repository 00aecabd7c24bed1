// npm run bench:web: how smoothly the task stream is drawn with 10,000 blocks on it, in Debian's Chromium, which draws without a
// graphics card here. Fails where it is not smooth.
import { connect } from 'offhand';
import { chromium, type Page } from 'playwright-core';
import { startServerProcess } from './server-process.js';

const BLOCKS = 10_000;
/** What is still smooth, in ms: 30 frames a second. */
const MOST_MS = 33;
const [WORKERS, SLOTS] = [5, 4];
const NAMES = ['resizeImage', 'countWords', 'simulateOrbit', 'parsePrices', 'renderPage'];

const server = await startServerProcess(WORKERS, ['--slots', String(SLOTS), '--no-profile']);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(server.link);
  await page.getByRole('link', { name: 'Stream' }).click();
  await page.getByText('Nothing has run').waitFor();
  const live = framesOf(page, 10_000, 'undefined');
  await work();
  report('live, while the pool is at work', await live);
  await page.getByRole('button', { name: 'All' }).click();
  // Every frame moves all of it: back and forth, and closer and further away, in so small steps that no block leaves.
  const moved = await framesOf(
    page,
    10_000,
    `(n) => canvas.dispatchEvent(new WheelEvent('wheel', n % 2
      ? { deltaX: n % 4 === 1 ? 2 : -2, deltaY: 0, bubbles: true, cancelable: true }
      : { deltaX: 0, deltaY: n % 4 === 0 ? 4 : -4, clientX: 640, bubbles: true, cancelable: true }))`,
  );
  report(`zoomed and panned, ${moved.fewest} to ${moved.most} blocks`, moved);
  if (moved.fewest < BLOCKS || p95(moved.frames) >= MOST_MS) process.exitCode = 1;
} finally {
  await browser.close();
  await server.stop();
}

/** As many blocks as are to be seen, and some more. */
async function work(): Promise<void> {
  Object.assign(process.env, server.env);
  await using pool = await connect();
  const each = Math.ceil((1.05 * BLOCKS) / NAMES.length);
  const pause = async (ms: number) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
  };
  await Promise.all(
    NAMES.map(async (name, n) => {
      const durations = Array.from({ length: each }, (_, i) => 12 + ((i * 7_919 + n) % 23));
      for await (const _ of pool.with({ name }).map(pause, durations, { ordered: false }));
    }),
  );
}

interface Frames {
  /** Between one frame and the next, in ms. */
  frames: number[];
  /** Blocks that were drawn. */
  fewest: number;
  most: number;
}

/** @param act in the page, before each frame: its source, given the number of the frame. */
function framesOf(page: Page, forMs: number, act: string): Promise<Frames> {
  return page.evaluate<Frames>(`new Promise((resolve) => {
    const canvas = document.querySelector('canvas');
    const act = ${act};
    const [frames, blocks] = [[], []];
    const end = performance.now() + ${forMs};
    let before;
    requestAnimationFrame(function frame(now) {
      if (before !== undefined) frames.push(now - before);
      before = now;
      if (act) blocks.push(Number(canvas.dataset.blocks));
      act?.(frames.length);
      if (now < end) requestAnimationFrame(frame);
      else resolve({ frames, fewest: Math.min(...blocks.slice(2)), most: Math.max(...blocks.slice(2)) });
    });
  })`);
}

function p95(frames: number[]): number {
  return frames.toSorted((a, b) => a - b)[Math.floor(frames.length * 0.95)] ?? Infinity;
}

function report(what: string, { frames }: Frames): void {
  const mean = frames.reduce((sum, ms) => sum + ms, 0) / frames.length;
  console.log(
    `${what}: ${frames.length} frames, mean ${mean.toFixed(1)} ms, p95 ${p95(frames).toFixed(1)} ms, slowest ${Math.max(...frames).toFixed(1)} ms`,
  );
}
