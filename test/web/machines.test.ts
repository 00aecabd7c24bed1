import { expect } from '@jest/globals';
import { openBrowser, seriousIssues } from '../support/browser.js';
import { NATS_SERVER, startNats } from '../support/nats.js';
import { testWith } from '../support/programs.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

testWith('chromium', NATS_SERVER)(
  'the page of workers shows all machines that share the store',
  async () => {
    await using sandbox = new Sandbox();
    const nats = await startNats(sandbox);
    const flags = ['1', '--no-profile', '--store', nats.url(), '--http'];
    const [one, other] = await Promise.all([startServer(sandbox, flags), startServer(sandbox, flags)]);
    const browser = await openBrowser();
    const page = await browser.newPage();
    await page.goto(/^ {2}browser +(\S+)$/m.exec(one.stdout)?.[1] ?? '');
    await page.getByRole('link', { name: 'Workers', exact: true }).click();
    const machines = page.getByRole('region', { name: 'Machines' });
    await machines.getByText(`2 coordinators share ${nats.url()}`).waitFor();
    await machines.getByText(one.address).waitFor();
    const link = machines.getByRole('link', { name: other.address });
    expect(await link.getAttribute('href')).toBe(other.http);
    expect(await seriousIssues(page)).toEqual([]);
    await browser.close();
  },
  90_000,
);
