import { expect, test } from '@jest/globals';
import { PoolError } from '../../src/core/errors.js';
import { withResolvers } from '../../src/core/with-resolvers.js';
import type { ValueReference__Output } from '../../src/wire/generated/offhand/v1/ValueReference.js';
import { putContent, readPut } from '../../src/wire/values/put.js';
import { PutStore } from '../../src/worker/put-store.js';
import { PutValues } from '../../src/worker/thread/put-values.js';
import type { ValuePuller } from '../../src/worker/value-puller.js';

const ID = 'a'.repeat(32);

/** A store that pulls what the test hands out. */
function store() {
  const pulls: { at: string; data: Buffer; end: ReturnType<typeof withResolvers<void>> }[] = [];
  const dropped: string[] = [];
  const puller = {
    pull(reference: ValueReference__Output, data: Buffer) {
      const end = withResolvers<void>();
      pulls.push({ at: reference.address, data, end });
      return end.promise;
    },
    close: () => undefined,
  };
  return { pulls, dropped, store: new PutStore(puller as unknown as ValuePuller, (id) => dropped.push(id)) };
}

const at = (address: string, bytes = 3): ValueReference__Output => ({
  address,
  key: Buffer.alloc(16),
  encoding: 'V8',
  bytes,
});

test('a value is pulled once, however many slots ask for it meanwhile and later', async () => {
  const { store: values, pulls } = store();
  const asked = [1, 2, 3].map((slot) => values.get({ id: ID, form: 'Buffer', at: at(`slot ${slot}`) }));
  expect(pulls.map((pull) => pull.at)).toEqual(['slot 1']);
  pulls[0]?.data.set([1, 2, 3]);
  pulls[0]?.end.resolve();
  const contents = await Promise.all(asked);
  expect(new Set(contents.map(({ bytes }) => bytes)).size).toBe(1);
  expect(readPut(contents[0] as (typeof contents)[0])).toEqual(Buffer.from([1, 2, 3]));
  await values.get({ id: ID, form: 'Buffer', at: at('later') });
  expect(pulls).toHaveLength(1);
  values.close();
});

test('who was given up takes nobody along: the others pull by their own way', async () => {
  const { store: values, pulls } = store();
  const first = values.get({ id: ID, form: 'Buffer', at: at('given up') });
  const second = values.get({ id: ID, form: 'Buffer', at: at('in use') });
  pulls[0]?.end.reject(new PoolError('not-found', 'no such value'));
  await expect(first).rejects.toMatchObject({ code: 'not-found' });
  while (pulls.length < 2) await Promise.resolve();
  expect(pulls[1]?.at).toBe('in use');
  pulls[1]?.end.resolve();
  expect((await second).bytes.byteLength).toBe(3);
  values.close();
});

test('what is dropped is told, and unknown from then on', async () => {
  const { store: values, dropped } = store();
  await values.get({ id: ID, form: 'V8', bytes: new SharedArrayBuffer(4) });
  values.drop([ID, 'unknown']);
  expect(dropped).toEqual([ID]);
  await expect(values.get({ id: ID, form: 'V8' })).rejects.toMatchObject({ code: 'code-unknown' });
  values.close();
});

test('more than it keeps pushes out what was not used for longest', async () => {
  const { store: values, dropped } = store();
  const large = (id: string) =>
    values.get({ id: id.repeat(32), form: 'Buffer', bytes: new SharedArrayBuffer(200 * 1024 * 1024) });
  for (const id of ['1', '2', '3', '4', '5']) await large(id);
  await large('1');
  await large('6');
  expect(dropped).toEqual(['2'.repeat(32)]);
  values.close();
});

test('a thread asks once, and again for what was dropped', async () => {
  const asked: string[] = [];
  const values = new PutValues(({ id }) => asked.push(id));
  const message = { id: ID, form: 'Buffer', at: null, data: Buffer.alloc(0) };
  const waiting = [values.get(message), values.get(message)].map((value) => Promise.resolve(value));
  expect(asked).toEqual([ID]);
  const content = putContent(Buffer.from('x'), 'the value');
  values.hear({ type: 'put', id: ID, content });
  expect(await Promise.all(waiting)).toEqual([content, content]);
  expect(values.get(message)).toBe(content);
  values.hear({ type: 'drop', id: ID });
  expect(values.get(message)).toBeInstanceOf(Promise);
  expect(asked).toEqual([ID, ID]);
});

test('what comes ahead of its tasks is there for them in the memory that the main thread has of it', async () => {
  const asked: (SharedArrayBuffer | undefined)[] = [];
  const values = new PutValues(({ bytes }) => asked.push(bytes));
  const message = { id: ID, form: 'Buffer', at: null, data: Buffer.from('abc') };
  values.received(message);
  const there = values.get(message);
  const content = putContent(Buffer.from('abc'), 'the value');
  values.hear({ type: 'put', id: ID, content });
  expect(await there).toBe(content);
  expect(asked.map((bytes) => bytes && Buffer.from(bytes).toString())).toEqual(['abc']);
});

test('what is no reference is refused, naming the field', () => {
  const values = new PutValues(() => undefined);
  const message = { id: ID, form: 'Buffer', at: null, data: Buffer.alloc(0) };
  expect(() => values.get({ ...message, id: '../x' })).toThrow(
    /^put\.id: expected 32 hexadecimal digits, got "\.\.\/x"$/,
  );
  expect(() => values.get({ ...message, form: 'Function' })).toThrow(
    /^put\.form: expected V8 or the name of a view/,
  );
});
