export { parseDurationMs } from '../core/duration.js';
