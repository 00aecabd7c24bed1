// What the compiler must say about calls: `npm run types` and lint check this file, nothing of it runs on a pool.
import { expect, test } from '@jest/globals';
import {
  connect,
  type CallOptions,
  type ErrorCode,
  type Pool,
  type PoolError,
  type Reference,
  startPool,
} from 'offhand';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function is<_T extends true>(_value: unknown): void {
  // The type argument is the whole of it.
}

async function calls(pool: Pool): Promise<void> {
  const sum = await pool.run((a: number, b: number) => a + b, 1, 2);
  is<Same<typeof sum, number>>(sum);
  // @ts-expect-error an argument is missing
  await pool.run((a: number, b: number) => a + b, 1);
  // @ts-expect-error one too many
  await pool.run((a: number) => a, 1, 2);
  // @ts-expect-error of another type
  await pool.run((a: number) => a, 'one');
  // @ts-expect-error no function
  await pool.run('(a) => a', 1);

  const awaited = await pool.run(async () => Promise.resolve('text'));
  is<Same<typeof awaited, string>>(awaited);
  const nothing = await pool.run(() => undefined);
  is<Same<typeof nothing, undefined>>(nothing);
  const optional = await pool.run((a: number, b?: string) => [a, b] as const, 1);
  is<Same<typeof optional, readonly [number, string | undefined]>>(optional);
  const many = await pool.run((...all: number[]) => all.length, 1, 2, 3);
  is<Same<typeof many, number>>(many);
  const defaulted = await pool.run((a: number, b: string = 'x') => a + b, 1);
  is<Same<typeof defaulted, string>>(defaulted);

  for await (const item of pool.stream(function* (n: number) {
    yield `${n}`;
  }, 1))
    is<Same<typeof item, string>>(item);
  for await (const item of pool.stream(async () => Promise.resolve([Promise.resolve(1)])))
    is<Same<typeof item, number>>(item);
  // @ts-expect-error gives nothing to go through
  pool.stream((n: number) => n, 1);

  const reference = await pool.put(Buffer.from('a'));
  is<Same<typeof reference, Reference<Buffer<ArrayBuffer>>>>(reference);
  const found = await pool.run((bytes: Buffer, at: number) => bytes[at], reference, 0);
  is<Same<typeof found, number | undefined>>(found);
  // @ts-expect-error refers to a value of another type
  await pool.run((list: string[]) => list, reference);
  for await (const item of pool.map((bytes: Buffer) => bytes.length, [reference]))
    is<Same<typeof item, number>>(item);

  for await (const item of pool.map((n: number) => `${n}`, [1, 2])) is<Same<typeof item, string>>(item);
  for await (const item of pool.map(async (n: number) => Promise.resolve(n), new Set([1])))
    is<Same<typeof item, number>>(item);
  for await (const item of pool.map((n: number) => n, [1], { errors: 'collect' }))
    is<Same<typeof item, number | Error>>(item);
  for await (const item of pool.map((n: number) => n, [1], { ordered: false, concurrency: 4 }))
    is<Same<typeof item, number>>(item);
  // @ts-expect-error the items are no numbers
  pool.map((n: number) => n, ['one']);
  // @ts-expect-error not iterable
  pool.map((n: number) => n, 5);
  // @ts-expect-error an option nobody knows
  pool.map((n: number) => n, [1], { concurency: 4 });

  const limited: Pool = pool.with({ timeoutMs: 5, signal: AbortSignal.timeout(5), name: 'x' });
  // @ts-expect-error an option nobody knows
  limited.with({ timoutMs: 5 });
  // @ts-expect-error units are numbers
  limited.with({ timeoutMs: '5s' } satisfies CallOptions);
  // @ts-expect-error options do not mix with arguments
  await pool.run((a: number) => a, 1, { timeoutMs: 5 });

  await using own = await startPool({ workers: 2, inline: true });
  // @ts-expect-error an option nobody knows
  await startPool({ worker: 2 });
  // @ts-expect-error an address is a text
  await connect(4999);
  await own.close();
}

function errors(error: PoolError): void {
  const { code, mayHaveRun, message, name } = error;
  is<Same<typeof code, ErrorCode>>(code);
  is<Same<typeof mayHaveRun, boolean>>(mayHaveRun);
  is<Same<typeof message, string>>(message);
  is<Same<typeof name, 'PoolError'>>(name);
  // @ts-expect-error no such code
  if (code === 'timed-out') return;
}

test('calls, options and errors are typed', () => {
  expect([calls, errors]).toHaveLength(2);
});
