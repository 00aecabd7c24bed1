import { describe, expect, test } from '@jest/globals';
import { withResolvers } from '../../src/core/with-resolvers.js';

describe('withResolvers', () => {
  test('the promise takes the value it is resolved with', async () => {
    const { promise, resolve } = withResolvers<number>();
    resolve(1);
    await expect(promise).resolves.toBe(1);
  });

  test('the promise fails with the reason it is rejected with', async () => {
    const { promise, reject } = withResolvers<number>();
    reject(new Error('gone'));
    await expect(promise).rejects.toThrow('gone');
  });

  test('the promise is pending until then', async () => {
    const { promise } = withResolvers<string>();
    await expect(Promise.race([promise, Promise.resolve('pending')])).resolves.toBe('pending');
  });

  test('whatever settles it first counts', async () => {
    const { promise, resolve, reject } = withResolvers<number>();
    resolve(1);
    resolve(2);
    reject(new Error('too late'));
    await expect(promise).resolves.toBe(1);
  });
});
