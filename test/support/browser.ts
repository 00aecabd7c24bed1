import { test } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';
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
