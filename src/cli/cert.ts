import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import type { Certificates } from '../authority/index.js';
import { PoolError } from '../core/errors.js';
import { DEFAULT_PORT, formatAddress } from '../wire/address.js';
import { wholeNumber } from './flags/whole-number.js';

interface Arguments {
  hosts: string[] | undefined;
  client: string | undefined;
  out: string;
  days: string;
  renew: boolean;
  json: boolean;
}

export const certCommand: CommandModule<object, Arguments> = {
  command: 'cert [hosts..]',
  describe: 'Make certificates for a pool that other machines reach: an authority, a machine, a client',
  builder: (argv: Argv) =>
    argv
      .positional('hosts', {
        type: 'string',
        array: true,
        describe: 'the names and addresses by which one machine is dialled, the main one first',
      })
      .option('client', { type: 'string', describe: 'make a certificate for a client, by this name' })
      .option('out', { type: 'string', default: 'certificates', describe: 'folder that all of it is in' })
      .option('days', { type: 'string', default: '825', describe: 'how long a certificate holds' })
      .option('renew', {
        type: 'boolean',
        default: false,
        describe: 'put new ones in the place of those that are there; the authority stays',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print the names of the files' })
      .example('$0 cert box.lan 192.0.2.10', 'for a machine with this name and address')
      .example('$0 cert two.lan', 'for a second one, by the same authority')
      .example('$0 cert --client ann', 'for a client of its own'),
  handler: async (args: ArgumentsCamelCase<Arguments>) => {
    const { AUTHORITY_DAYS, makeCertificates, parseClient, parseHosts } =
      await import('../authority/index.js');
    const { out, renew } = args;
    if (!args.hosts?.length && args.client === undefined)
      throw new PoolError(
        'invalid-argument',
        'cert: expected the names and addresses of a machine, or --client NAME',
      );
    const hosts = parseHosts(args.hosts ?? []);
    const client = args.client === undefined ? undefined : parseClient(args.client);
    const days = wholeNumber('--days', args.days, 1, AUTHORITY_DAYS);
    if (out === '') throw new PoolError('invalid-argument', '--out: expected a folder, got ""');
    const made = await makeCertificates({ out, hosts, client, days, renew, now: new Date() });
    console.log(args.json ? JSON.stringify(made, null, 2) : inWords(made, out, hosts).join('\n'));
  },
};

function inWords(
  { authority, server, client }: Certificates,
  out: string,
  hosts: readonly string[],
): string[] {
  const [host = 'HOST'] = hosts;
  const rows: [string, string][] = [
    [authority.cert, `the authority, ${state(authority)}`],
    [authority.key, 'stays here: whoever has it makes certificates that all of these machines trust'],
  ];
  if (server)
    rows.push([join(server.folder, '/'), `for ${hosts.join(', ')}, ${state(server)}: copy it to ${host}`]);
  if (client) rows.push([join(client.folder, '/'), `${state(client)}: copy it to clients`]);
  const width = Math.max(...rows.map(([file]) => file.length)) + 2;
  return [
    ...rows.map(([file, words]) => file.padEnd(width) + words),
    ...(server ? ['', ...serverCommands(server.folder, host)] : []),
    ...(client ? ['', ...clientCommands(client.folder, host)] : []),
    '',
    `paths are as seen from here: copied elsewhere, ${out}/ is where the folder lies there (docs/tls.md)`,
  ];
}

function state({ isNew, until }: { isNew: boolean; until: Date }): string {
  return `${isNew ? 'new' : 'kept'}, until ${until.toISOString().slice(0, 10)}`;
}

function serverCommands(folder: string, host: string): string[] {
  const flags = [
    `--host ${isIP(host) === 6 ? '::' : '0.0.0.0'} --advertise ${host}`,
    `--tls-cert ${shellWord(join(folder, 'cert.pem'))} --tls-key ${shellWord(join(folder, 'key.pem'))}`,
    `--tls-ca ${shellWord(join(folder, 'ca.pem'))} --tls-client-ca ${shellWord(join(folder, 'ca.pem'))}`,
  ].join(' ');
  return [
    `on ${host}:`,
    `  npx offhand server ${flags}`,
    'or, with workers for a pool on another machine:',
    `  npx offhand worker --join HOST:${DEFAULT_PORT} ${flags}`,
    'without --tls-client-ca, clients and browsers need no certificate: then the token alone lets them in',
  ];
}

function clientCommands(folder: string, host: string): string[] {
  const files = [
    ['CA', 'ca.pem'],
    ['CERT', 'cert.pem'],
    ['KEY', 'key.pem'],
  ] as const;
  const address = formatAddress({ host, port: DEFAULT_PORT });
  const variables = files.map(([part, file]) => `OFFHAND_TLS_${part}=${shellWord(join(folder, file))}`);
  return [
    'on a client, with what `offhand token` prints on the machine of the pool:',
    `  export OFFHAND_ADDRESS=${address} ${variables.join(' ')} OFFHAND_TOKEN=TOKEN`,
    '  npx offhand status',
  ];
}

/** As a shell takes it for one word. */
function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
