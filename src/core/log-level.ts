/** From the least to the most important. Every grant of a lease, every attempt and its outcome are said at `debug`. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
