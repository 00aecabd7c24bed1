// What a browser needs to draw a profile: definitions alone, nothing that reads files or draws.
export { type ProfileRow, toProfile } from '../series.js';
export { summaryOf } from '../throughput.js';
export { busyChart } from './busy.js';
export type { Chart } from './chart.js';
export { throughputChart } from './throughput.js';
