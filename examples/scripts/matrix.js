// Multiplies two matrices of 1,000 by 1,000, and writes the diagonal of the product into its own folder.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';

const SIZE = 1_000;
const left = matrix((row, column) => (row * column) % 7);
const right = matrix((row, column) => (row + 2 * column) % 5);
const product = matrix(() => 0);
for (let row = 0; row < SIZE; row++) {
  for (let k = 0; k < SIZE; k++) {
    const factor = left[row * SIZE + k];
    for (let column = 0; column < SIZE; column++)
      product[row * SIZE + column] += factor * right[k * SIZE + column];
  }
}

// The sum of a product is known without it: columns of the left times rows of the right.
let expected = 0;
for (let k = 0; k < SIZE; k++) {
  let [columnSum, rowSum] = [0, 0];
  for (let i = 0; i < SIZE; i++) {
    columnSum += left[i * SIZE + k];
    rowSum += right[k * SIZE + i];
  }
  expected += columnSum * rowSum;
}
const sum = product.reduce((total, value) => total + value, 0);
console.log(`the product of two matrices of 1,000 by 1,000 sums up to ${sum}`);
assert.equal(sum, expected);
writeFileSync('diagonal.json', JSON.stringify(Array.from({ length: SIZE }, (_, i) => product[i * SIZE + i])));

function matrix(valueAt) {
  return Float64Array.from({ length: SIZE * SIZE }, (_, i) => valueAt(Math.floor(i / SIZE), i % SIZE));
}
