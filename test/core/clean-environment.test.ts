import { expect, test } from '@jest/globals';
import { checkNames, cleanEnvironment } from '../../src/core/clean-environment.js';

const ENVIRONMENT = {
  PATH: '/bin',
  HOME: '/home/me',
  LC_ALL: 'C',
  NODE_ENV: 'production',
  NODE_AUTH_TOKEN: 'npm',
  OFFHAND_MAX_VALUE: '1gb',
  OFFHAND_TOKEN: 'pool',
  OFFHAND_TLS_KEY: 'key.pem',
  AWS_REGION: 'eu',
  AWS_SECRET_ACCESS_KEY: 'aws',
  DATABASE_URL: 'postgres://me:secret@db',
};
const NEEDED = {
  PATH: '/bin',
  HOME: '/home/me',
  LC_ALL: 'C',
  NODE_ENV: 'production',
  OFFHAND_MAX_VALUE: '1gb',
};

test('workers have what they need to run, and no secret', () => {
  expect(cleanEnvironment(ENVIRONMENT, [])).toEqual(NEEDED);
});

test('what is named is passed, by its name or its beginning', () => {
  const { AWS_REGION, AWS_SECRET_ACCESS_KEY, DATABASE_URL } = ENVIRONMENT;
  expect(cleanEnvironment(ENVIRONMENT, ['DATABASE_URL', 'NOBODY'])).toEqual({ ...NEEDED, DATABASE_URL });
  expect(cleanEnvironment(ENVIRONMENT, ['AWS_*'])).toEqual({ ...NEEDED, AWS_REGION, AWS_SECRET_ACCESS_KEY });
});

test("the pool's token is passed by its name alone", () => {
  const { OFFHAND_TOKEN, ...others } = ENVIRONMENT;
  expect(cleanEnvironment(ENVIRONMENT, ['*'])).toEqual(others);
  expect(cleanEnvironment(ENVIRONMENT, ['OFFHAND_*'])).not.toHaveProperty('OFFHAND_TOKEN');
  expect(cleanEnvironment(ENVIRONMENT, ['OFFHAND_TOKEN'])).toEqual({ ...NEEDED, OFFHAND_TOKEN });
});

test('what is no name is refused', () => {
  expect(checkNames(['A', 'B_*', '*'], '--pass-env')).toEqual(['A', 'B_*', '*']);
  for (const odd of ['', 'A=1', '*A', 'A B'])
    expect(() => checkNames(['A', odd], '--pass-env')).toThrow(
      `--pass-env: expected names of variables, such as AWS_REGION or AWS_*, got ${JSON.stringify(odd)}`,
    );
});
