// offhand: priority=1
// Counts the primes below 2,000,000 by dividing each odd number by the primes up to its root.
import assert from 'node:assert/strict';

const primes = [2];
for (let n = 3; n < 2_000_000; n += 2) if (isPrime(n)) primes.push(n);
console.log(`${primes.length} primes below 2,000,000`);
assert.equal(primes.length, 148_933);

function isPrime(n) {
  for (const prime of primes) {
    if (prime * prime > n) return true;
    if (n % prime === 0) return false;
  }
}
