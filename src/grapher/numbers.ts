/** The middle value, or the mean of the two in the middle; 0 for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** `1234.5` with two decimals is `1,234.50`. @param decimals default 0 */
export function formatNumber(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A share of 0 to 1 as `87 %`; what is not quite nothing or everything never reads as such. */
export function formatPercent(share: number): string {
  if (share > 0 && share < 0.005) return '<1 %';
  if (share < 1 && share >= 0.995) return '>99 %';
  return `${Math.round(share * 100)} %`;
}

/** `1 task`, `2 tasks`, `1,230 tasks`. @param many default: `one` with an s */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** A span as people say it: `3.0 s`, `100.0 s`, `30 min`, `31 min 5 s`, `2 h 4 min`. */
export function formatSpan(seconds: number): string {
  if (seconds < 600) return `${formatNumber(seconds, 1)} s`;
  if (seconds < 3 * 3600) return inTwo(Math.round(seconds), 'min', 's');
  return inTwo(Math.round(seconds / 60), 'h', 'min');
}

function inTwo(small: number, bigUnit: string, smallUnit: string): string {
  const rest = small % 60;
  return `${formatNumber(Math.floor(small / 60))} ${bigUnit}${rest > 0 ? ` ${rest} ${smallUnit}` : ''}`;
}

/** The unit a time axis of this length reads best in. */
export type TimeUnit = { label: 's' | 'min' | 'h'; seconds: number };

/** @param spanS length of the axis in seconds */
export function timeUnitFor(spanS: number): TimeUnit {
  if (spanS <= 600) return { label: 's', seconds: 1 };
  if (spanS <= 3 * 3600) return { label: 'min', seconds: 60 };
  return { label: 'h', seconds: 3600 };
}
