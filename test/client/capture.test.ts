import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Pool, startPool } from 'offhand';
import { poolError } from './support.js';

// What goes along by name is known to no checker where the function stands.
declare const rates: Map<string, number>;
declare const table: Float64Array;

const isEven = (n: number): boolean => n === 0 || isOdd(n - 1);
const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1);
const square = (n: number) => n * n;
function sumOfSquares(list: number[]) {
  return list.map(square).reduce((sum, n) => sum + n, 0);
}
class Shape {
  static count = 0;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
    Shape.count += 1;
  }
  describe() {
    return `${this.name} of ${this.area()}`;
  }
  area() {
    return 0;
  }
}
class Square extends Shape {
  #side: number;
  constructor(side: number) {
    super('square');
    this.#side = side;
  }
  override area() {
    return square(this.#side);
  }
}

describe.each([true, false])('capture, with inline: %p', (inline) => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ workers: 1, inline });
  });
  afterAll(() => pool.close());

  test('takes values along, which the function finds by their names', async () => {
    const captured = pool.with({
      capture: { rates: new Map([['EUR', 2]]), table: new Float64Array([1, 2]) },
    });
    expect(await captured.run((n: number) => n * (rates.get('EUR') ?? 0) + table[1]!, 20)).toBe(42);
    const seen: number[] = [];
    for await (const n of captured.map((k: number) => k * table.length, [1, 2, 3])) seen.push(n);
    expect(seen).toEqual([2, 4, 6]);
  });

  test('takes helper functions along, with those that they use', async () => {
    const captured = pool.with({ capture: { sumOfSquares, square } });
    expect(await captured.run((list: number[]) => sumOfSquares(list), [1, 2, 3])).toBe(14);
  });

  test('takes functions along that use each other', async () => {
    expect(
      await pool.with({ capture: { isEven, isOdd } }).run((n: number) => [isEven(n), isOdd(n)], 7),
    ).toEqual([false, true]);
  });

  test('takes classes along, those that they extend first', async () => {
    const captured = pool.with({ capture: { Square, square, Shape } });
    expect(await captured.run((side: number) => new Square(side).describe(), 3)).toBe('square of 9');
  });

  test('adds to what was captured before, and goes before it', async () => {
    const first = pool.with({ capture: { rates: new Map([['EUR', 1]]), table: new Float64Array(3) } });
    const second = first.with({ capture: { rates: new Map([['EUR', 5]]) } });
    const both = () => [rates.get('EUR'), table.length];
    expect(await second.run(both)).toEqual([5, 3]);
    expect(await first.run(both)).toEqual([1, 3]);
  });

  test('copies values when it is given them', async () => {
    const mutable = { n: 1 };
    const captured = pool.with({ capture: { mutable } });
    mutable.n = 2;
    expect(await captured.run(() => mutable.n)).toBe(1);
  });

  test('goes before what Node has by that name', async () => {
    expect(
      await pool
        .with({ capture: { fetch: () => 'mine' } })
        .run(() => fetch as unknown as () => string)
        .catch((error: unknown) => error),
    ).toMatchObject({ code: 'not-cloneable' });
    expect(await pool.with({ capture: { fetch: () => 'mine' } }).run(() => fetch('') as unknown)).toBe(
      'mine',
    );
  });

  test('of a name that nobody uses sends nothing, so that functions stay the same', async () => {
    expect(
      await pool.with({ capture: { rates: new Map(), table: new Float64Array(2) } }).run(() => table.length),
    ).toBe(2);
  });

  test('takes all along with a function whose names nobody can tell', async () => {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- that is what is tried
    const evaluates = new Function('return eval("square(6)")') as () => number;
    expect(await pool.with({ capture: { square } }).run(evaluates)).toBe(36);
  });

  test('a captured function that lacks something is refused before it is sent, and named', async () => {
    const error = await poolError(
      pool.with({ capture: { sumOfSquares } }).run((l: number[]) => sumOfSquares(l), []),
    );
    expect(error).toMatchObject({ code: 'not-shippable', mayHaveRun: false });
    expect(error.message).toMatch(
      /`sumOfSquares`.* uses `square` from outside; pass it with `pool.with\(\{ capture: \{ square \} \}\)`/,
    );
  });
});

describe('what cannot be captured is refused by pool.with', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await startPool({ inline: true });
  });
  afterAll(() => pool.close());

  const refusals: [capture: unknown, code: string, message: RegExp][] = [
    [{ 'a-b': 1 }, 'invalid-argument', /^capture: .* "a-b" is no name for a variable$/],
    [{ class: 1 }, 'invalid-argument', /"class" is no name for a variable$/],
    [{ '': 1 }, 'invalid-argument', /"" is no name for a variable$/],
    [{ 'a = alert()': 1 }, 'invalid-argument', /"a = alert\(\)" is no name/],
    [
      [1],
      'invalid-argument',
      /^capture: expected an object of what goes along, by name: \{ helper \}, got an array$/,
    ],
    [
      { log: { write: () => 1 } },
      'not-cloneable',
      /^capture\.log\.write is a function \(write\), which cannot be copied/,
    ],
    [{ max: Math.max }, 'not-shippable', /^`max` is built into Node/],
    [{ next: square.bind(null) }, 'not-shippable', /^`bound square` was made by bind\(\)/],
  ];
  test.each(refusals)('%p', (capture, code, message) => {
    let thrown: unknown;
    try {
      pool.with({ capture: capture as Record<string, unknown> });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

test('captured data is decoded once on a slot, whoever captures the same, and shared by the tasks there', async () => {
  await using pool = await startPool({ workers: 1 });
  const tally = { count: 0 };
  const captured = pool.with({ capture: { tally } });
  // Functions of different text, so that each is compiled by itself.
  expect(await captured.run(() => ++tally.count)).toBe(1);
  expect(await captured.run(() => (tally.count += 1))).toBe(2);
  expect(await pool.with({ capture: { tally: { count: 0 } } }).run(() => ++tally.count + 0)).toBe(3);
  expect(await pool.with({ capture: { tally: { count: 7 } } }).run(() => ++tally.count)).toBe(8);
});
