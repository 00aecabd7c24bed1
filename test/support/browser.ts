import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { testWith } from './programs.js';

/** A test that needs a real browser: Debian's, which `npm test` installs where that is possible. */
export const browserTest = testWith('chromium');
export const canBrowse = browserTest === test;
if (!canBrowse) console.warn('chromium is not there, so the tests of the page are skipped');

export function openBrowser(): Promise<Browser> {
  // Chromium's own sandbox refuses to run as root, as containers do.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: '/usr/bin/chromium', args });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds that keeps somebody from using a page, with the first place of each. */
export async function seriousIssues(page: Page): Promise<[id: string, html: string | undefined][]> {
  await page.evaluate(AXE);
  const found = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  }>('axe.run()');
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, nodes[0]?.html]);
}
