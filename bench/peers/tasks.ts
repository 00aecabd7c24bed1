// What the pools run. Piscina takes a file of functions; the others take the functions themselves.
export { noOp, spin } from '../work.js';

export function take(array: Float64Array): number {
  return array.length;
}

export function give(length: number): Float64Array {
  return new Float64Array(length);
}

export function pid(): number {
  return process.pid;
}
