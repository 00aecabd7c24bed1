import { expect, test } from '@jest/globals';
import { inProcess } from '../support/in-process.js';

test.each([
  ['submit', 'expected `offhand submit <target> [args..]`; see `offhand submit --help`'],
  ['result', 'expected `offhand result <id>`; see `offhand result --help`'],
  ['tasks --state foo', /^--state: expected one of "pending", "running", .*, got "foo"$/],
  ['server --log-level foo', '--log-level: expected one of "debug", "info", "warn", "error", got "foo"'],
  ['policy foo', 'name: expected one of "first-free", "least-remaining", "round-robin", got "foo"'],
  ['serve', 'unknown command serve; `offhand --help` lists them'],
  ['status --prot 5', /^unknown argument prot; see --help/],
  ['status --retry-on x', /^unknown argument retry-on; see --help/],
  ['scripts test --timeout 0', '--timeout: expected more than 0, got "0"'],
  ['console --workers 1 --script /nowhere', '--script /nowhere: there is no such file'],
  ['console --workers 1 --script /', '--script /: that is a folder'],
  ['scripts package.json', /^package\.json: is a file; expected the folder it is in, /],
])('`offhand %s` is refused in one sentence', async (line, sentence) => {
  const { code, stdout, stderr } = await inProcess(line.split(' '));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^offhand: [^\n]+\n$/);
  const said = stderr.slice('offhand: '.length, -1);
  if (typeof sentence === 'string') expect(said).toBe(sentence);
  else expect(said).toMatch(sentence);
});
