import { describe, expect, test } from '@jest/globals';
import { idOf } from '../../src/wire/functions/function-id.js';
import { listHash, NamedFunctions } from '../../src/wire/functions/named.js';
import { keyOf, type Part } from '../../src/wire/functions/parts.js';
import { joinSetups, setupFrom, setupPart } from '../../src/wire/functions/setup.js';

const moduleOf = (text: string): Part => {
  const data = Buffer.from(text);
  return { kind: 'MODULE', id: idOf(data), name: 'm.js', data, remedy: '' };
};
const good = moduleOf('exports.double = (n) => 2 * n;');
const other = moduleOf('exports.double = () => process.env;');
const text = '(parts) => parts[0].double';
const double = { name: 'double', from: 'm.js#double', id: idOf(text), parts: [keyOf(good)] };
const add = { name: 'add', from: 'add.js', id: idOf('(a, b) => a + b'), parts: [] };
const named = new NamedFunctions([double, add]);
const setup = setupPart({ source: text, parts: [good], args: Buffer.of(), name: 'x', timeoutMs: undefined });
const refused = (what: object) => expect.objectContaining({ code: 'not-allowed', ...what });

describe('a list of functions', () => {
  test('lets run what is registered, with the parts that it is registered with', () => {
    named.check({ text, parts: [good] }, 'double');
    named.check({ text: '(a, b) => a + b', parts: [] }, 'add');
  });

  test('refuses any other text, naming the function, its hash and the command', () => {
    expect(() => named.check({ text: '() => 1', parts: [] }, 'resize')).toThrow(
      refused({
        message:
          `this pool runs registered functions only, and \`resize\` (sha256 ${idOf('() => 1')}) is none of them: ` +
          'offhand allow FILE#EXPORT, and start the server again',
      }),
    );
  });

  test.each([
    ['other content', [other]],
    ['nothing', []],
    ['more', [good, other]],
    ['the same twice', [good, good]],
    ['the same as data', [{ ...good, kind: 'DATA' as const }]],
  ])('refuses a registered text with %s beside it', (_, parts) => {
    expect(() => named.check({ text, parts }, 'double')).toThrow(
      refused({ message: expect.stringMatching(/what came along with `double`/) }),
    );
  });

  test('keeps to the order of parts', () => {
    const both = new NamedFunctions([{ ...double, parts: [keyOf(good), keyOf(other)] }]);
    both.check({ text, parts: [good, other] }, 'double');
    expect(() => both.check({ text, parts: [other, good] }, 'double')).toThrow(refused({}));
  });

  test('lets a registered function need setups', () => {
    const own = { id: double.id as never, source: text, name: 'double', parts: [good], preview: '' };
    for (const setups of [[setup], [setup, setup]]) {
      const { source, parts } = joinSetups(own, setups);
      named.check({ text: source, parts }, 'double');
    }
    const plain = { id: add.id as never, source: '(a, b) => a + b', name: 'add', parts: [], preview: '' };
    const joined = joinSetups(plain, [setup]);
    named.check({ text: joined.source, parts: joined.parts }, 'add');
  });

  test('refuses code in the frame that setups make, also where a hash should stand', () => {
    const own = { id: double.id as never, source: text, name: 'double', parts: [good], preview: '' };
    const { source } = joinSetups(own, [setup]);
    const hostile = [
      source.replace('// ', 'process.exit();\n// '),
      source.replace('return (', 'return ((() => 1) && '),
      source.replace('(parts);\n}', '(parts) && 1;\n}'),
      source.slice(0, 30),
    ];
    for (const one of hostile)
      expect(() => named.check({ text: one, parts: [good, setup] }, 'double')).toThrow(refused({}));
    const id = `${setup.id}\nprocess.exit();\n//`;
    const written = joinSetups(own, [{ ...setup, id }]);
    expect(() => named.check({ text: written.source, parts: written.parts }, 'double')).toThrow(refused({}));
    // A setup stands behind what the function itself needs, or the function is given something else.
    expect(() => named.check({ text: source, parts: [setup, good] }, 'double')).toThrow(refused({}));
  });

  test('has the same hash as one that lets the same run, and no other', () => {
    expect(listHash([add, { ...double, name: 'twice', from: '' }])).toBe(named.hash);
    expect(listHash([double])).not.toBe(named.hash);
    expect(listHash([add, { ...double, parts: [] }])).not.toBe(named.hash);
    expect(listHash([])).not.toBe(listHash(undefined));
  });
});

test('the parts of a setup have the hashes of their content, whatever their sender says', () => {
  const lying = setupPart({
    source: text,
    parts: [{ ...other, id: good.id }],
    args: Buffer.of(),
    name: 'x',
    timeoutMs: undefined,
  });
  expect(setupFrom(lying.data).parts.map(({ id }) => id)).toEqual([other.id]);
});
