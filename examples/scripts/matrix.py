"""Multiplies two matrices of 1,000 by 1,000 with nothing but the language.

A whole row is packed into one large integer, 32 bits for each value, so that a multiplication does a thousand at once.
"""

SIZE = 1_000
BYTES = 4

left = [[(row * column) % 7 for column in range(SIZE)] for row in range(SIZE)]
right = [[(row + 2 * column) % 5 for column in range(SIZE)] for row in range(SIZE)]


def packed(row):
    return int.from_bytes(b"".join(value.to_bytes(BYTES, "little") for value in row), "little")


def unpacked(number):
    data = number.to_bytes(SIZE * BYTES, "little")
    return [int.from_bytes(data[i : i + BYTES], "little") for i in range(0, len(data), BYTES)]


rows = [packed(row) for row in right]
product = [unpacked(sum(factor * row for factor, row in zip(factors, rows))) for factors in left]

# The sum of a product is known without it: columns of the left times rows of the right.
expected = sum(sum(column) * sum(row) for column, row in zip(zip(*left), right))
total = sum(map(sum, product))
print(f"the product of two matrices of 1,000 by 1,000 sums up to {total}")
assert total == expected
