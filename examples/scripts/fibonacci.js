// The 35th number of Fibonacci, the slow way.
import assert from 'node:assert/strict';

const number = fibonacci(35);
console.log(`fibonacci(35) is ${number}`);
assert.equal(number, 9_227_465);

function fibonacci(n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
