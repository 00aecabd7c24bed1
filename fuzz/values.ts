import type { Random } from '../chaos/random.js';

/** Texts that programs have stumbled over before. */
const TEXTS = [
  '',
  ' ',
  '\0',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  '-1',
  '1e309',
  '0x10',
  '../../etc/passwd',
  '%00',
  '%',
  "'; --",
  '<script>',
  '${1}',
  '\ud800',
  '\u202e',
  'é',
  '💥',
  '0000000000000000',
  'x'.repeat(70),
  'x'.repeat(5_000),
  '$'.repeat(300),
  '[[[[',
  '{"a":',
];
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  0.5,
  1e-9,
  255,
  65_536,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53,
  1e300,
  -1e300,
];

export function anyText(random: Random): string {
  if (random.next() < 0.7) return random.of(TEXTS);
  return Array.from({ length: random.whole(1, 24) }, () =>
    String.fromCharCode(random.next() < 0.8 ? random.whole(32, 126) : random.whole(0, 0xffff)),
  ).join('');
}

export function anyNumber(random: Random): number {
  return random.next() < 0.8 ? random.of(NUMBERS) : random.between(-1e6, 1e6);
}

export function anyBytes(random: Random, most = 64): Buffer {
  return Buffer.from(Array.from({ length: random.whole(0, most) }, () => random.whole(0, 255)));
}

/** A value of JSON, nested at most so deep. */
export function anyJson(random: Random, depth = 3): unknown {
  switch (random.whole(0, depth > 0 ? 6 : 4)) {
    case 0:
      return null;
    case 1:
      return random.next() < 0.5;
    case 2:
      return anyNumber(random);
    case 3:
    case 4:
      return anyText(random);
    case 5:
      return Array.from({ length: random.whole(0, 4) }, () => anyJson(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.whole(0, 4) }, () => [anyText(random), anyJson(random, depth - 1)]),
      );
  }
}

/** The same bytes with some of them changed, cut off, doubled or put in. */
export function damaged(random: Random, bytes: Buffer): Buffer {
  const at = random.whole(0, bytes.length);
  switch (random.whole(0, 3)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), anyBytes(random, 8), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[Math.min(at, copy.length - 1)] = random.whole(0, 255);
      return copy;
    }
  }
}
