import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { expect, test } from '@jest/globals';
import { ERROR_CODES, PoolError } from '../../dist/core/errors.js';
import { toStatus } from '../../dist/wire/errors.js';

const TEXT = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const SECTIONS = new Map(
  TEXT.split(/^(?=###? )/m).flatMap((section) => {
    const code = /^### `(.+)`$/m.exec(section)?.[1];
    return code === undefined ? [] : [[code, section] as const];
  }),
);

test('docs/errors.md has a section for every code, and none besides', () => {
  expect([...SECTIONS.keys()].sort()).toEqual([...ERROR_CODES].sort());
  expect(TEXT.match(/^### /gm)).toHaveLength(ERROR_CODES.length);
});

test.each(ERROR_CODES)('%s: docs/errors.md gives its cause, its remedy and its gRPC status', (code) => {
  const section = SECTIONS.get(code);
  expect(section).toMatch(/^\*\*Cause:\*\* \S/m);
  expect(section).toMatch(/^\*\*Remedy:\*\* \S/m);
  expect(section).toContain(`gRPC status: \`${status[toStatus(new PoolError(code, '')).code]}\``);
});
