/**
 * A function to send to a pool. It uses nothing but its arguments, so it can travel alone.
 *
 *     npm run offhand -- run examples/primes.ts#countPrimes 200000
 */
export function countPrimes(below: number, from = 2): number {
  let count = 0;
  for (let number = Math.max(from, 2); number < below; number++) {
    let isPrime = true;
    for (let divisor = 2; isPrime && divisor * divisor <= number; divisor++) {
      isPrime = number % divisor !== 0;
    }
    if (isPrime) count += 1;
  }
  return count;
}
