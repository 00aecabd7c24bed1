import { describe, expect, test } from '@jest/globals';
import { accessTo, bearerOf, isReadOnlyToken, readOnlyToken, TokenCheck } from '../../src/wire/access.js';

const check = new TokenCheck('secret');

test('what nobody has thought of needs the full token', () => {
  for (const name of [
    '/offhand.v1.Queue/Purge',
    '/offhand.v2.Queue/Get',
    'GET /v1/secrets',
    'POST /status',
    '',
    'toString',
  ])
    expect([name, accessTo(name)]).toEqual([name, 'full']);
});

describe('a token', () => {
  test('lets its holder do everything, the read-only one that follows from it read, and any other nothing', () => {
    expect(check.accessOf('secret')).toBe('full');
    expect(check.accessOf(readOnlyToken('secret'))).toBe('read');
    for (const other of [
      '',
      'secre',
      'secrets',
      'SECRET',
      readOnlyToken('other'),
      readOnlyToken('secret').slice(3),
    ])
      expect([other, check.accessOf(other)]).toEqual([other, undefined]);
  });

  test('that is read-only can be told from one that is not, and is new where the other is', () => {
    expect(readOnlyToken('secret')).toMatch(/^ro\.[\w-]{43}$/);
    expect([isReadOnlyToken(readOnlyToken('secret')), isReadOnlyToken('secret')]).toEqual([true, false]);
    expect(readOnlyToken('secret')).not.toBe(readOnlyToken('secret2'));
  });

  test('is read out of a bearer header, and out of nothing else', () => {
    for (const header of ['Bearer secret', 'bearer secret', 'Bearer   secret '])
      expect([header, bearerOf(header)]).toEqual([header, 'secret']);
    for (const header of [
      undefined,
      '',
      'secret',
      'Bearer',
      'Bearer ',
      'Basic secret',
      'Bearer a b',
      'x Bearer secret',
    ])
      expect([header, bearerOf(header)]).toEqual([header, '']);
  });
});
