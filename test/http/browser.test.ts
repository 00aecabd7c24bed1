import { describe, expect, test } from '@jest/globals';
import { Sessions } from '../../src/http/sessions.js';
import { type Asked, HttpFixture, type Route, routesOf, statusWith } from '../support/http.js';
import { Sandbox } from '../support/sandbox.js';
import { startServer } from '../support/server.js';

const SITE = 'https://friend.example';
const pool = new HttpFixture(['1', '--http-allow-origin', SITE, '--http-allow-host', 'pool.example']);

const routes = () => routesOf(pool.http);

const statusOf = ({ method, path }: Route, headers: Record<string, string>) =>
  statusWith(`${pool.http.base}${path}`, { authorization: `Bearer ${pool.http.token}`, ...headers }, method);

describe('every route', () => {
  test('refuses a foreign Host', async () => {
    for (const route of await routes())
      expect([route, await statusOf(route, { host: 'evil.example' })]).toEqual([route, 421]);
  });

  test('refuses a foreign Origin, whatever it calls itself', async () => {
    const port = new URL(pool.http.base).port;
    const foreign = [
      'https://evil.example',
      'null',
      'http://localhost:1',
      `https://127.0.0.1:${port}`,
      'https://friend.example.evil',
    ];
    for (const route of await routes())
      for (const origin of foreign)
        expect([route, origin, await statusOf(route, { origin })]).toEqual([route, origin, 403]);
  });

  test('but a plain GET refuses what a browser says comes from another site', async () => {
    for (const route of await routes()) {
      for (const site of ['cross-site', 'same-site']) {
        const status = await statusOf({ ...route }, { 'sec-fetch-site': site });
        if (route.method === 'GET') expect([route, status]).not.toEqual([route, 403]);
        else expect([route, site, status]).toEqual([route, site, 403]);
      }
    }
  });

  test('answers by what is neither sniffed, framed nor kept', async () => {
    for (const path of ['/', '/page.js', '/status', '/nothing', '/healthz']) {
      const { headers } = await pool.http.ask(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('set-cookie')).toBeNull();
    }
  });
});

test('a name that was allowed is answered to, and its pages are its own', async () => {
  const route = { method: 'POST', path: '/v1/login_codes' };
  expect(await statusOf(route, { host: 'pool.example', origin: 'http://pool.example' })).toBe(201);
  expect(await statusOf(route, { host: 'pool.example', origin: 'http://other.example' })).toBe(403);
});

test('a pool without a token is asked by programs of this machine, and by no page of another site', async () => {
  await using sandbox = new Sandbox();
  const server = await startServer(sandbox, ['1', '--no-profile', '--no-auth', '--http']);
  const status = (headers: Record<string, string>) =>
    statusWith(`${server.http}/v1/login_codes`, headers, 'POST');
  expect(await status({})).toBe(201);
  expect(await status({ origin: 'https://evil.example' })).toBe(403);
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403);
  expect(await status({ host: 'evil.example' })).toBe(421);
  expect(server.stdout).toContain(`  browser      ${server.http}\n`);
  await server.stop();
});

describe('a browser', () => {
  const own = () => ({ origin: pool.http.base, 'sec-fetch-site': 'same-origin' });
  const post = (headers: Record<string, string>): Asked => ({ body: { source: '() => 1' }, headers });

  test('is let in from the own page', async () => {
    expect((await pool.http.ask('/v1/tasks', post(own()))).status).toBe(202);
  });

  test('is let in from a site that was allowed, and told so before it asks', async () => {
    const cors = { origin: SITE, 'sec-fetch-site': 'cross-site' };
    const preflight = await pool.http.ask('/v1/tasks', {
      method: 'OPTIONS',
      headers: { ...cors, authorization: '', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(SITE);
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    const { status, headers } = await pool.http.ask('/v1/tasks', post(cors));
    expect([status, headers.get('access-control-allow-origin')]).toEqual([202, SITE]);
    expect((await pool.http.ask('/v1/tasks', post({ ...cors, authorization: '' }))).status).toBe(401);
  });

  test('is told of no other site', async () => {
    const { headers } = await pool.http.ask('/status');
    expect(headers.get('access-control-allow-origin')).not.toBe('*');
  });
});

describe('the link that the server prints', () => {
  const printed = () => /^ {2}browser +(\S+)$/m.exec(pool.server.stdout)?.[1] ?? '';
  const login = (code: string) => pool.http.ask('/login', { body: { code }, headers: { authorization: '' } });

  test('can be had anew by whoever has the token', async () => {
    const { status, body } = await pool.http.ask('/v1/login_codes', { method: 'POST' });
    expect(status).toBe(201);
    expect(body['link']).toBe(`${pool.http.base}/#code=${String(body['code'])}`);
    expect(await login(String(body['code']))).toMatchObject({ status: 200, body: { expires_in: 43_200 } });
    const without = await pool.http.ask('/v1/login_codes', {
      method: 'POST',
      headers: { authorization: '' },
    });
    expect(without.status).toBe(401);
  });

  test('lets nobody in by a code that was made up', async () => {
    for (const code of ['x', pool.http.token, 'A'.repeat(22)]) expect((await login(code)).status).toBe(401);
    const direct = { headers: { authorization: `Bearer ${printed().split('=')[1]}` } };
    expect((await pool.http.ask('/status', direct)).status).toBe(401);
  });
});

test('codes are good for an hour, sessions for twelve', () => {
  const sessions = new Sessions();
  const code = sessions.newCode(0);
  expect(() => sessions.exchange(code, 3_600_000)).toThrow(/too old/);
  const { token } = sessions.exchange(code, 3_599_999);
  const end = 3_599_999 + 12 * 3_600_000;
  expect([sessions.has(token, end - 1), sessions.has(token, end)]).toEqual([true, false]);
});

test('a session is told from one that was made up, and outlives the server but no new token of the pool', () => {
  const sessions = new Sessions('token');
  const { token } = sessions.exchange(sessions.newCode(0), 0);
  expect(new Sessions('token').has(token, 1)).toBe(true);
  expect(new Sessions('other').has(token, 1)).toBe(false);
  expect(new Sessions(undefined).has(token, 1)).toBe(false);
  const [session = '', signature = ''] = token.split('.');
  for (const forged of [
    '',
    '.',
    session,
    `z${session}.${signature}`,
    `${session}.`,
    `${session}.${'A'.repeat(43)}`,
  ])
    expect([forged, sessions.has(forged, 1)]).toEqual([forged, false]);
});

test('codes that nobody exchanges are forgotten, the oldest first', () => {
  const sessions = new Sessions();
  const first = sessions.newCode(0);
  for (let n = 0; n < 1_000; n++) sessions.newCode(1);
  expect(() => sessions.exchange(first, 2)).toThrow(/too old/);
});
