# offhand: priority=1
"""Counts the primes below 2,000,000 by dividing each odd number by the primes up to its root."""

primes = [2]


def is_prime(n):
    for prime in primes:
        if prime * prime > n:
            return True
        if n % prime == 0:
            return False


for n in range(3, 2_000_000, 2):
    if is_prime(n):
        primes.append(n)
print(f"{len(primes):,} primes below 2,000,000")
assert len(primes) == 148_933
