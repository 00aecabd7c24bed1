import { X509Certificate } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseClient, parseHosts } from '../../src/authority/hosts.js';
import { type Finished, offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';
import { tlsFile } from '../support/tls.js';

const OUT = 'certificates';
const LINE = /^offhand: [^\n]+\n$/;

/** All files of the folder, by what is in them. */
function filesOf(sandbox: Sandbox, out = OUT): Map<string, string> {
  const files = readdirSync(sandbox.path(out), { recursive: true, withFileTypes: true, encoding: 'utf8' });
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => `${parentPath}/${name}`);
  const base = sandbox.path(out).length + 1;
  return new Map(paths.map((path) => [path.slice(base), readFileSync(path, 'utf8')]));
}

const certificate = (sandbox: Sandbox, file: string) =>
  new X509Certificate(readFileSync(sandbox.path(OUT, file)));

async function made(sandbox: Sandbox, ...args: string[]): Promise<Finished> {
  const ended = await offhand(sandbox, ['cert', ...args]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended;
}

/** One sentence, and nothing is written or changed. */
async function refused(sandbox: Sandbox, message: RegExp, ...args: string[]): Promise<void> {
  const before = readdirSync(sandbox.cwd).includes(OUT) ? filesOf(sandbox) : undefined;
  const ended = await offhand(sandbox, ['cert', ...args]);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(LINE);
  expect(ended.stderr).toMatch(message);
  expect(readdirSync(sandbox.cwd).includes(OUT) ? filesOf(sandbox) : undefined).toEqual(before);
}

test('a folder that was there before stays as it is but for the certificates', async () => {
  await using sandbox = new Sandbox();
  writeFileSync(sandbox.path('.gitignore'), 'dist\n');
  await made(sandbox, 'box.lan', '--out', '.');
  expect(readFileSync(sandbox.path('.gitignore'), 'utf8')).toBe('dist\n');
  expect(readdirSync(sandbox.cwd)).toEqual(expect.arrayContaining(['ca.pem', 'server-box.lan']));
});

test('a machine, a client and their authority get certificates, and keys for their owner alone', async () => {
  await using sandbox = new Sandbox();
  const { stdout } = await made(sandbox, 'Box.lan', '192.0.2.10', '2001:db8::1', 'box.lan', '--days', '30');
  expect([...filesOf(sandbox).keys()].sort()).toEqual([
    '.gitignore',
    'ca-key.pem',
    'ca.pem',
    ...['ca', 'cert', 'key'].map((part) => `client-default/${part}.pem`),
    ...['ca', 'cert', 'key'].map((part) => `server-box.lan/${part}.pem`),
  ]);
  for (const file of filesOf(sandbox).keys())
    if (file.includes('key.pem')) expect(statSync(sandbox.path(OUT, file)).mode & 0o777).toBe(0o600);

  const authority = certificate(sandbox, 'ca.pem');
  const server = certificate(sandbox, 'server-box.lan/cert.pem');
  const client = certificate(sandbox, 'client-default/cert.pem');
  expect(server.subjectAltName).toBe('DNS:box.lan, IP Address:192.0.2.10, IP Address:2001:DB8:0:0:0:0:0:1');
  expect([authority.ca, server.ca, client.ca]).toEqual([true, false, false]);
  for (const one of [server, client])
    expect(one.checkIssued(authority) && one.verify(authority.publicKey)).toBe(true);
  const days = (Date.parse(server.validTo) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(days).toBeLessThanOrEqual(30);
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // It can never pass for a pool.

  expect(stdout).toMatch(/^certificates\/ca-key\.pem +stays here/m);
  expect(stdout).toMatch(/^certificates\/server-box\.lan\/ +for box\.lan, .* copy it to box\.lan$/m);
  expect(stdout).toMatch(/^ {2}npx offhand server --host 0\.0\.0\.0 --advertise box\.lan --tls-cert cert/m);
  expect(stdout).toMatch(/^ {2}export OFFHAND_ADDRESS=box\.lan:4999 OFFHAND_TLS_CA=certificates\//m);
});

test('a second machine and further clients come from the same authority, and what was there stays', async () => {
  await using sandbox = new Sandbox();
  await made(sandbox, 'box.lan');
  const first = filesOf(sandbox);
  const { stdout } = await made(sandbox, 'two.lan');
  expect(stdout).toMatch(/^certificates\/ca\.pem +the authority, kept, /m);
  expect(stdout).toMatch(/^certificates\/client-default\/ +kept, /m);
  const named = JSON.parse((await made(sandbox, '--client', 'ann', '--json')).stdout) as object;
  expect(named).toMatchObject({
    authority: { isNew: false, cert: 'certificates/ca.pem' },
    client: { isNew: true, folder: 'certificates/client-ann' },
  });
  const authority = certificate(sandbox, 'ca.pem').publicKey;
  expect(certificate(sandbox, 'server-two.lan/cert.pem').verify(authority)).toBe(true);
  expect(certificate(sandbox, 'client-ann/cert.pem').subject).toBe('CN=ann');
  const now = filesOf(sandbox);
  for (const [file, text] of first) expect([file, now.get(file)]).toEqual([file, text]);
});

test('nothing is replaced but what is renewed', async () => {
  await using sandbox = new Sandbox();
  await made(sandbox, 'box.lan');
  const first = filesOf(sandbox);
  await refused(sandbox, /server-box\.lan is there already; --renew /, 'box.lan');
  await refused(sandbox, /client-default is there already; --renew /, '--client', 'default');
  await refused(sandbox, /--renew: certificates\/server-two\.lan is not there; /, 'two.lan', '--renew');
  await made(sandbox, 'box.lan', '--renew');
  const changed = [...filesOf(sandbox)].filter(([file, text]) => first.get(file) !== text);
  expect(changed.map(([file]) => file).sort()).toEqual(['server-box.lan/cert.pem', 'server-box.lan/key.pem']);
  expect(statSync(sandbox.path(OUT, 'server-box.lan/key.pem')).mode & 0o777).toBe(0o600);
});

describe('one sentence says what is wrong, and nothing is written', () => {
  test.each([
    [/expected the names and addresses of a machine, or --client NAME/, []],
    [/expected names and addresses such as .* without a port, got "box\.lan:4999"/, ['box.lan:4999']],
    [/--client: expected a name of letters, .* got "\.\.\/ann"/, ['--client', '../ann']],
    [/--days: expected a whole number from 1 to 3650, got 4000/, ['box.lan', '--days', '4000']],
    [/--out: \/proc\/offhand cannot be written/, ['box.lan', '--out', '/proc/offhand']],
    [/--out: expected a folder, got ""/, ['box.lan', '--out', '']],
  ])('%s', async (message, args) => {
    await using sandbox = new Sandbox();
    await refused(sandbox, message, ...args);
  });

  test('what is neither a name nor an address', () => {
    for (const host of ['https://box.lan', 'two words', '10.0.0', 'fe80::1%eth0', '', '*.lan', '-x', 'a..b'])
      expect(() => parseHosts(['box.lan', host])).toThrow(`without a port, got ${JSON.stringify(host)}`);
    for (const host of ['0.0.0.0', '::'])
      expect(() => parseHosts([host])).toThrow(`${host} is every address of a machine, and none to dial`);
    for (const name of ['', '.', 'a/b', 'x'.repeat(64)])
      expect(() => parseClient(name)).toThrow(`--client: expected a name of letters`);
  });

  test('an authority of which half is missing, or whose parts do not belong together', async () => {
    await using sandbox = new Sandbox();
    await made(sandbox, 'box.lan');
    await made(sandbox, 'box.lan', '--out', 'others');
    const key = readFileSync(sandbox.path(OUT, 'ca-key.pem'));
    rmSync(sandbox.path(OUT, 'ca-key.pem'));
    await refused(sandbox, /certificates\/ca-key\.pem is missing beside /, 'two.lan');
    copyFileSync(sandbox.path('others', 'ca-key.pem'), sandbox.path(OUT, 'ca-key.pem'));
    await refused(
      sandbox,
      /ca-key\.pem is not the key of the certificate in certificates\/ca\.pem/,
      'two.lan',
    );
    writeFileSync(sandbox.path(OUT, 'ca-key.pem'), 'no key');
    await refused(sandbox, /certificates\/ca-key\.pem: expected a private key as PEM/, 'two.lan');
    writeFileSync(sandbox.path(OUT, 'ca-key.pem'), key);
    rmSync(sandbox.path(OUT, 'ca.pem'));
    await refused(sandbox, /certificates\/ca\.pem is missing beside /, 'two.lan');
  });

  test('what is no authority, or another one than that of the client', async () => {
    await using sandbox = new Sandbox();
    await made(sandbox, 'box.lan');
    await made(sandbox, 'box.lan', '--out', 'others');
    for (const file of ['ca.pem', 'ca-key.pem'])
      copyFileSync(sandbox.path('others', file), sandbox.path(OUT, file));
    await refused(sandbox, /client-default\/cert\.pem is of another authority; /, 'two.lan');
    copyFileSync(tlsFile('stranger'), sandbox.path(OUT, 'ca.pem'));
    copyFileSync(tlsFile('stranger-key'), sandbox.path(OUT, 'ca-key.pem'));
    await refused(sandbox, /certificates\/ca\.pem is no authority, and may sign nothing/, 'two.lan');
  });
});
