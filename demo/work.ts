// The functions of the demonstration. Each stands alone, since it travels as source; what it needs it imports inside.

/** What one file amounts to. */
export interface FileFacts {
  bytes: number;
  gzipBytes: number;
  words: number;
  sha256: string;
}

/** Reads files and takes their measure: gzip, SHA-256, words. */
export async function measureFiles(paths: string[]): Promise<FileFacts[]> {
  const { readFile } = await import('node:fs/promises');
  const { createHash } = await import('node:crypto');
  const { gzipSync } = await import('node:zlib');
  const facts: FileFacts[] = [];
  for (const path of paths) {
    const data = await readFile(path);
    facts.push({
      bytes: data.length,
      gzipBytes: gzipSync(data, { level: 9 }).length,
      words: data.toString().match(/[\p{L}\p{N}]+/gu)?.length ?? 0,
      sha256: createHash('sha256').update(data).digest('hex'),
    });
  }
  return facts;
}

/** How many primes there are from `from` up to, but without, `to`. */
export function countPrimes([from, to]: [number, number]): number {
  let count = 0;
  for (let n = Math.max(2, from); n < to; n++) if (isPrime(n)) count++;
  return count;

  function isPrime(n: number): boolean {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
    return true;
  }
}

export function fibonacci(n: number): number {
  const fib = (k: number): number => (k < 2 ? k : fib(k - 1) + fib(k - 2));
  return fib(n);
}

/**
 * Rows `from` to `to` of A × B for two matrices of the given size whose elements follow from their place:
 * A[i][j] = (i + j) mod 10, B[i][j] = (i × j) mod 10. The sum of the elements is the result.
 */
export function multiplyRows([from, to, size]: [number, number, number]): number {
  const b = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) b[i * size + j] = (i * j) % 10;
  let sum = 0;
  for (let i = from; i < to; i++) {
    const row = new Float64Array(size);
    for (let k = 0; k < size; k++) {
      const a = (i + k) % 10;
      for (let j = 0; j < size; j++) row[j] = (row[j] ?? 0) + a * (b[k * size + j] ?? 0);
    }
    for (const value of row) sum += value;
  }
  return sum;
}
