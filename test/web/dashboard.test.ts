import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { browserTest, canBrowse, openBrowser, seriousIssues } from '../support/browser.js';
import { VERSION } from '../../src/wire/protocol.js';
import { offhand } from '../support/cli.js';
import { HttpCaller } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer, TestServer } from '../support/server.js';
import { waitFor } from '../support/wait.js';

describe('the dashboard', () => {
  const sandbox = new Sandbox();
  let server!: TestServer;
  let http: HttpCaller;
  let browser: Browser | undefined;
  let context: BrowserContext;
  let page: Page;
  /** What the page did wrong, by the browser's word: what its policy forbids included. */
  const complaints: string[] = [];

  beforeAll(async () => {
    if (!canBrowse) return;
    server = await startServer(sandbox, ['4', '--no-profile', '--tag', 'ssd', '--http']);
    http = new HttpCaller(server.http, server.token);
    browser = await openBrowser();
    // The page's policy is not lifted: axe is run by the test, beside it.
    context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
    });
    await page.goto(/^ {2}browser +(\S+)$/m.exec(server.stdout)?.[1] ?? '');
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    if (canBrowse) await server.stop();
    await sandbox[Symbol.asyncDispose]();
  });

  const view = (name: string) => page.getByRole('link', { name, exact: true }).click();
  const tryFunction = async (source: string, args: string) => {
    await view('Try it');
    await page.getByLabel('Function').fill(source);
    await page.getByLabel('Arguments').fill(args);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
  };
  /** What axe finds that keeps somebody from using the page. */
  browserTest('lets in whoever opens the link, once, and shows four workers', async () => {
    await page.getByText('live', { exact: true }).waitFor();
    for (const n of [1, 2, 3, 4]) await page.getByText(`worker-${n}`, { exact: true }).waitFor();
    expect(new URL(page.url()).hash).toBe('');
    await page.getByText('0 of 4').waitFor();
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('runs a function from the page, and shows its result, its output and its time', async () => {
    await tryFunction('(a, b) => { console.log("adding", a, b); return { sum: a + b }; }', '[3, 4]');
    await page.locator('.result', { hasText: '"sum": 7' }).waitFor();
    await page.locator('.output', { hasText: 'adding 3 4' }).waitFor();
    await page.getByText('Ran', { exact: true }).waitFor();
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('says what is wrong with arguments before it sends them', async () => {
    await tryFunction('() => 1', '{}');
    await page.getByRole('alert').filter({ hasText: 'have to be a list' }).waitFor();
  });

  browserTest('shows a task that fails with its stack, and lets it run again', async () => {
    await http.submit('function fail() { throw new RangeError("too far"); }', [], {
      name: 'reach',
      retries: 0,
    });
    await view('Tasks');
    await page.getByLabel('State').selectOption('failed');
    await page.getByRole('link', { name: 'reach' }).waitFor();
    expect(await seriousIssues(page)).toEqual([]);
    await page.getByRole('link', { name: 'reach' }).click();
    const stack = page.locator('.failure');
    await stack.filter({ hasText: 'RangeError: too far' }).waitFor();
    expect(await stack.textContent()).toMatch(/\n\s+at /);
    expect(await seriousIssues(page)).toEqual([]);
    await page
      .locator('.source', { hasText: 'function fail() { throw new RangeError("too far"); }' })
      .waitFor();
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.getByText('failed', { exact: true }).waitFor();
  });

  browserTest('shows what became of the attempts before, on the page of their task', async () => {
    const source = `async () => {
      if (globalThis.tried) return 'at last';
      globalThis.tried = true;
      throw new RangeError('not yet');
    }`;
    await http.submit(source, [], { name: 'stubborn', retries: 5, retry_on: ['thrown'] });
    await view('Tasks');
    await page.getByLabel('State').selectOption('succeeded');
    await page.getByRole('link', { name: 'stubborn' }).click();
    await page.getByRole('heading', { name: 'Earlier attempts' }).waitFor();
    await page.getByText('1: thrown on worker-').click();
    await page.locator('details[open] .failure').filter({ hasText: 'RangeError: not yet' }).waitFor();
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('says what to do where no profile is written', async () => {
    await view('Run');
    await page.getByRole('alert').filter({ hasText: 'started without --no-profile' }).waitFor();
    expect(await page.getByRole('button', { name: 'Download CSV' }).isDisabled()).toBe(true);
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('finds tasks by their client, and by what stands in them', async () => {
    const headers = { 'client-id': 'nightly' };
    const body = { source: '(file) => file', args: ['prices-7.csv'], options: { name: 'load' } };
    await http.ask('/v1/tasks', { headers, body });
    await view('Tasks');
    const links = page.locator('tbody a');
    await page.getByLabel('Client').fill('nightly');
    await waitFor('one task', async () => (await links.allTextContents()).join() === 'load');
    await page.getByLabel('Text').fill('REACH');
    await page.getByText('No task is like that.').waitFor();
    await page.getByLabel('Client').fill('');
    await waitFor('another one', async () => (await links.allTextContents()).join() === 'reach');
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('shows how far a task is that runs, live, and why one waits', async () => {
    const source = `() => new Promise(() => {
      let done = 0;
      const more = () => __offhand.progress(++done / 100, 'page ' + done);
      more();
      setInterval(more, 200);
    })`;
    const id = await http.submit(source, [], { name: 'book' });
    const later = await http.submit('() => 1', [], { after: [id] });
    await page.evaluate(`location.hash = '#/tasks/${id}'`);
    const bar = page.getByRole('progressbar', { name: 'Progress' });
    const told = async () => Number(await bar.getAttribute('value'));
    const first = await told();
    await waitFor('it to be further', async () => (await told()) > first);
    await page.getByText(/^with worker-\d for \d+ ms, \d+ % \(page \d+\)$/).waitFor();
    expect(await seriousIssues(page)).toEqual([]);
    await page.evaluate(`location.hash = '#/tasks/${later}'`);
    await page.getByText(new RegExp(`${id}`)).waitFor();
    await http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
    await page.getByText('cancelled', { exact: true }).waitFor();
  });

  browserTest('cancels a task that runs, which is seen under Now meanwhile', async () => {
    const id = await http.submit('() => new Promise(() => setInterval(() => {}, 1000))', [], {
      name: 'endless',
    });
    await view('Now');
    await page.locator('.lane.busy').getByRole('link', { name: 'endless' }).click();
    await page.getByText('running', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled', { exact: true }).waitFor();
    expect((await http.ask(`/v1/tasks/${id}`)).body['state']).toBe('cancelled');
  });

  browserTest('scales the pool to six', async () => {
    await view('Now');
    const more = page.getByRole('button', { name: 'One worker more' });
    await more.click();
    await page.getByText('worker-5', { exact: true }).waitFor();
    await more.click();
    await page.getByText('worker-6', { exact: true }).waitFor();
    await page.getByText('0 of 6').waitFor();
  });

  browserTest('lists what workers have, what they use and what they have done', async () => {
    const [first] = (await server.status()).workers;
    process.kill(Number(first?.pid), 'SIGKILL');
    await view('Workers');
    const row = page.getByRole('row').filter({ hasText: 'worker-1' });
    const cell = (column: number) => row.getByRole('cell').nth(column);
    // Once another process is in its place.
    await cell(7).filter({ hasText: /^1$/ }).waitFor();
    await cell(3)
      .filter({ hasText: /^\d+ %$/ })
      .waitFor();
    await cell(4)
      .filter({ hasText: /^\d+ MB$/ })
      .waitFor();
    const cells = await row.getByRole('cell').allTextContents();
    expect([...cells.slice(0, 3), ...cells.slice(5, 10)]).toEqual([
      'worker-1',
      'free',
      '0 of 1',
      '0',
      '0',
      '1',
      'ssd',
      VERSION,
    ]);
    expect(await seriousIssues(page)).toEqual([]);
  });

  browserTest('asks before it drains a worker, and does not where the answer is no', async () => {
    await page.getByRole('button', { name: 'Drain worker-6' }).click();
    const question = page.getByRole('dialog', { name: 'Drain worker-6?' });
    await question.getByText('nothing replaces it').waitFor();
    expect(await seriousIssues(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    expect((await server.status()).workers).toHaveLength(6);
    await page.getByRole('button', { name: 'Drain worker-6' }).click();
    await question.getByRole('button', { name: 'Drain worker-6' }).click();
    await page.getByRole('link', { name: 'worker-6' }).waitFor({ state: 'detached' });
    expect((await server.status()).workers).toHaveLength(5);
  });

  browserTest('scales to a number, and chooses another policy, when it is told to go on', async () => {
    await page.getByLabel('Wanted').fill('4');
    await page.getByRole('button', { name: 'Scale', exact: true }).click();
    await page.getByRole('dialog').getByText('1 worker, the last first, will finish').waitFor();
    await page.getByRole('button', { name: 'Scale to 4' }).click();
    await page.getByRole('link', { name: 'worker-5' }).waitFor({ state: 'detached' });
    const policy = page.getByLabel('Policy');
    await policy.selectOption('round-robin');
    await page.getByRole('button', { name: 'Choose by round-robin' }).click();
    await waitFor('the page to show it', async () => (await policy.inputValue()) === 'round-robin');
    expect((await server.status()).policy).toBe('round-robin');
  });

  browserTest('says why the pool has refused a change', async () => {
    await page.route('**/v1/workers/count', (route) =>
      route.fulfill({ status: 400, contentType: 'application/problem+json', body: '{"detail":"no more"}' }),
    );
    await page.getByLabel('Wanted').fill('9');
    await page.getByRole('button', { name: 'Scale', exact: true }).click();
    await page.getByRole('button', { name: 'Scale to 9' }).click();
    await page.getByRole('alert').filter({ hasText: 'no more' }).waitFor();
    await page.unroute('**/v1/workers/count');
  });

  browserTest("shows a worker's own page with its log, and that of one that is gone", async () => {
    await page.getByRole('link', { name: 'worker-1' }).click();
    await page.locator('.log', { hasText: 'attached' }).waitFor();
    await page.getByText('Up for', { exact: true }).waitFor();
    expect(await seriousIssues(page)).toEqual([]);
    await page.evaluate("location.hash = '#/workers/worker-6'");
    await page.getByText('gone', { exact: true }).waitFor();
    await page.locator('.log', { hasText: 'ending' }).waitFor();
    await page.evaluate("location.hash = '#/workers/worker-77'");
    await page.getByText('there is no log of a worker called worker-77').waitFor();
  });

  browserTest('shows whoever is only to look how the pool stands, and no button', async () => {
    const readOnly = (await offhand(sandbox, ['token', '--read-only'])).stdout.trim();
    const other = await context.newPage();
    await other.goto(server.http);
    await other.getByLabel('Token').fill(readOnly);
    await other.getByRole('button', { name: 'Log in' }).click();
    await other.getByText('0 of 4').waitFor();
    for (const name of ['Workers', 'Tasks', 'Now']) {
      await other.getByRole('link', { name, exact: true }).click();
      await other.getByRole('heading', { level: 2 }).first().waitFor();
      expect(await other.getByRole('button').count()).toBe(0);
    }
    expect(await other.getByRole('link', { name: 'Try it' }).count()).toBe(0);
    await other.close();
  });

  browserTest('says that the server is gone, and goes on by itself when it is back', async () => {
    await view('Now');
    const { port } = new URL(server.http);
    const coordinator = String(server.port);
    await server.stop();
    await page.getByRole('status').filter({ hasText: 'Reconnecting' }).waitFor();
    server = new TestServer(sandbox, ['2', '--no-profile', '--port', coordinator, '--http-port', port]);
    await server.whenReady();
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText('0 of 2').waitFor();
  });

  browserTest('asks whoever has no session to log in, and says how', async () => {
    const other = await context.newPage();
    await other.goto(server.http);
    await other.getByRole('alert').filter({ hasText: 'needs the pool' }).waitFor();
    await other.getByLabel('Token').fill(server.token);
    await other.getByRole('button', { name: 'Log in' }).click();
    await other.getByText('live', { exact: true }).waitFor();
    await other.close();
  });

  browserTest('does nothing that its own policy forbids', () => {
    expect(complaints).toEqual([]);
  });
});
