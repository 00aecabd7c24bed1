import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { browserTest, canBrowse, openBrowser, seriousIssues } from '../support/browser.js';
import { HttpCaller } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, type TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('the run so far, on the dashboard', () => {
  const sandbox = new Sandbox();
  let server!: TestServer;
  let http: HttpCaller;
  let browser: Browser | undefined;
  let page: Page;
  const complaints: string[] = [];
  const loaded: string[] = [];

  beforeAll(async () => {
    if (!canBrowse) return;
    server = await startServer(sandbox, ['2', '--http']);
    http = new HttpCaller(server.http, server.token);
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
    });
    await page.goto(/^ {2}browser +(\S+)$/m.exec(server.stdout)?.[1] ?? '');
    await page.getByText('live', { exact: true }).waitFor();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    if (canBrowse) await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });

  /** Of a chart: how many of its pixels are drawn, and in how many colours. */
  const inkOf = (name: string) =>
    page.getByRole('img', { name }).evaluate((element) => {
      const canvas = element as unknown as {
        width: number;
        height: number;
        getContext(kind: '2d'): { getImageData(...box: number[]): { data: Uint8ClampedArray } };
      };
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Uint32Array(data.buffer).filter((pixel) => pixel !== 0);
      return { pixels: seen.length, colours: new Set(seen).size };
    });

  browserTest('is drawn as the grapher draws it, by a file that is loaded only then', async () => {
    const tasks = Array.from({ length: 20 }, () => http.submit('() => 1', [], { name: 'one' }));
    for (const id of await Promise.all(tasks)) await http.result(id);
    await waitFor('them to be in the profile', async () =>
      (await http.ask('/v1/profile')).text
        .split('\n')
        .some((row) => /^[\d.]+,worker-\d,\d,[\d.]+,[1-9]/.test(row)),
    );
    expect(loaded).not.toContain('/charts.js');
    await page.getByRole('link', { name: 'Run', exact: true }).click();
    await page.getByText('Overall throughput: ').waitFor();
    expect(loaded).toContain('/charts.js');
    for (const name of ['Busy', 'Throughput']) {
      const { pixels, colours } = await inkOf(name);
      expect(pixels).toBeGreaterThan(5_000);
      expect(colours).toBeGreaterThan(5);
    }
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('is drawn anew, and of another time, when that is asked for', async () => {
    const rows = async () => Number(/^([\d,]+) rows/.exec(await foot())?.[1]?.replaceAll(',', ''));
    const foot = async () => (await page.getByText(/^[\d,]+ rows/).textContent()) ?? '';
    const before = await rows();
    await waitFor('more rows', async () => {
      await page.getByRole('button', { name: 'Draw again' }).click();
      return (await rows()) > before;
    });
    await page.getByRole('combobox').selectOption('all of it');
    await page.getByText('Overall throughput: ').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 780 });
    expect(await seriousIssues(page)).toEqual([]);
    const isTooWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await page.evaluate(isTooWide)).toBe(false);
  });

  browserTest('is there to be downloaded as the file that it is', async () => {
    const downloaded = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download CSV' }).click();
    const download = await downloaded;
    expect(download.suggestedFilename()).toBe('results_2.csv');
    const rows = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\n');
    expect(rows[0]).toMatch(/^time_s,worker,/);
    expect(rows.length).toBeGreaterThan(20);
  });

  browserTest('does nothing that the policy of the page forbids', () => {
    expect(complaints).toEqual([]);
  });
});

test('what is loaded at first has less than 150 kB, compressed', () => {
  const files = ['index.html', 'page.js', 'page.css', 'icon.svg'];
  const sizes = files.map((file) => gzipSync(readFileSync(`dist/web/${file}`)).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000);
  // What the page needs at once stands in none of the other files.
  expect(readFileSync('dist/web/page.js', 'utf8')).not.toMatch(/^import/m);
});
