import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { connect } from 'offhand';
import type { Browser, Locator, Page } from 'playwright-core';
import { browserTest, canBrowse, openBrowser, seriousIssues } from '../support/browser.js';
import { HttpCaller } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('the task stream', () => {
  const sandbox = new Sandbox();
  let server!: TestServer;
  let http: HttpCaller;
  let browser: Browser | undefined;
  let page: Page;
  let canvas: Locator;
  const complaints: string[] = [];

  beforeAll(async () => {
    if (!canBrowse) return;
    server = await startServer(sandbox, ['2', '--no-profile', '--http']);
    http = new HttpCaller(server.http, server.token);
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
    });
    await page.goto(/^ {2}browser +(\S+)$/m.exec(server.stdout)?.[1] ?? '');
    await page.getByRole('link', { name: 'Stream' }).click();
    canvas = page.getByRole('application', { name: 'Task stream' });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    if (canBrowse) await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });

  const drawn = async () => Number(await canvas.getAttribute('data-blocks'));
  const whenDrawn = (least: number, most = Infinity) =>
    waitFor(`${least} blocks or more`, async () => (await drawn()) >= least && (await drawn()) <= most);
  const told = () => page.getByRole('status').last();
  const run = async (name: string, ms: number) => {
    const source = '(ms) => new Promise((resolve) => setTimeout(resolve, ms))';
    const id = await http.submit(source, [ms], { name });
    await http.result(id);
    return id;
  };
  /** The middle of what is drawn in the colour of a block: where a person would point. */
  const anyBlock = () =>
    canvas.evaluate((element) => {
      const place = element as unknown as {
        width: number;
        height: number;
        clientWidth: number;
        getContext(kind: '2d'): { getImageData(...box: number[]): { data: Uint8ClampedArray } };
      };
      const { width, height } = place;
      const { data } = place.getContext('2d').getImageData(0, 0, width, height);
      for (let x = width - 1; x >= 0; x--)
        for (let y = 30; y < height; y++) {
          const at = 4 * (y * width + x);
          const [red = 0, green = 0, blue = 0, alpha = 0] = data.slice(at, at + 4);
          const isColoured = Math.max(red, green, blue) - Math.min(red, green, blue) > 40;
          const ratio = width / place.clientWidth;
          if (alpha === 255 && isColoured) return { x: (x - 3) / ratio, y: (y + 6) / ratio };
        }
      throw new Error('no block is drawn');
    });

  browserTest('says what will be seen while nothing has run', async () => {
    await page.getByText('Nothing has run since this page was opened').waitFor();
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('draws submitted tasks and direct ones, and what runs', async () => {
    await run('pause', 300);
    await whenDrawn(1);
    await using pool = await connect(server.address, { token: server.token });
    await pool.with({ name: 'double' }).run((n: number) => 2 * n, 21);
    await whenDrawn(2);
    const id = await http.submit('() => new Promise(() => setInterval(() => {}, 1000))', [], {
      name: 'endless',
    });
    await whenDrawn(3);
    await http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('says what is pointed at, and opens its task by a click', async () => {
    const id = await run('clicked', 1_500);
    await whenDrawn(4);
    await page.getByRole('button', { name: 'All' }).click();
    await told().filter({ hasText: 'Point at a block' }).waitFor();
    // The page hears a moment later that it has completed, and then draws it at another place.
    await waitFor('the block to be pointed at', async () => {
      await canvas.hover({ position: await anyBlock() });
      return (await told().textContent())?.includes('clicked completed on worker-');
    });
    await canvas.click({ position: await anyBlock() });
    await page.getByRole('heading', { name: 'clicked' }).waitFor();
    expect(page.url()).toContain(id);
    await page.goBack();
    await whenDrawn(4);
  });

  browserTest('is zoomed and panned by wheel, drag and buttons, and goes live again', async () => {
    const live = page.getByRole('button', { name: 'Live' });
    await page.getByRole('button', { name: 'All' }).click();
    const all = await drawn();
    const box = await canvas.boundingBox();
    const middle = { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + 40 };
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.down();
    for (let n = 1; n <= 10; n++) await page.mouse.move(middle.x - 60 * n, middle.y);
    await page.mouse.up();
    await whenDrawn(0, all - 1);
    await page.getByRole('button', { name: 'All' }).click();
    await whenDrawn(all);
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) - 2, middle.y);
    await page.mouse.wheel(0, -2_000);
    await whenDrawn(0, all - 1);
    for (let n = 0; n < 30; n++) await page.getByRole('button', { name: 'Zoom out' }).click();
    await whenDrawn(1);
    expect(await live.getAttribute('aria-pressed')).toBe('false');
    await live.click();
    await waitFor('it to be live', async () => (await live.getAttribute('aria-pressed')) === 'true');
  });

  browserTest('does all of that by keyboard', async () => {
    const id = await run('by keyboard', 200);
    await canvas.focus();
    await page.keyboard.press('Home');
    await whenDrawn(5);
    const all = await drawn();
    await page.keyboard.press('ArrowDown');
    await told().filter({ hasText: 'on worker-' }).waitFor();
    for (let n = 0; n < 12; n++) await page.keyboard.press('ArrowLeft');
    await whenDrawn(0, 0);
    await page.keyboard.press('Home');
    await whenDrawn(all);
    for (let n = 0; n < 8; n++) await page.keyboard.press('+');
    await whenDrawn(0, all - 1);
    const isFound = async () => (await told().textContent())?.startsWith('by keyboard');
    for (let lane = 0; lane < 2 && !(await isFound()); lane++) {
      for (let n = 0; n < 20 && !(await isFound()); n++) await page.keyboard.press('.');
      if (!(await isFound())) await page.keyboard.press(lane === 0 ? 'ArrowUp' : 'ArrowDown');
      for (let n = 0; n < 20 && !(await isFound()); n++) await page.keyboard.press('.');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'by keyboard' }).waitFor();
    expect(page.url()).toContain(id);
  });

  browserTest('does nothing that the policy of the page forbids', () => {
    expect(complaints).toEqual([]);
  });
});
