import type { Span } from './history.js';

// Sets of instants, as spans of them.

/** The same instants by spans that do not meet, in order. */
export function merged(spans: readonly Span[]): Span[] {
  const disjoint: Span[] = [];
  for (const span of spans.filter((each) => lengthOf(each) > 0).sort((a, b) => a.from - b.from)) {
    const last = disjoint.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else disjoint.push({ ...span });
  }
  return disjoint;
}

/** What is left of disjoint spans without these. */
export function without(spans: readonly Span[], holes: readonly Span[]): Span[] {
  let left = [...spans];
  for (const hole of holes) {
    left = left
      .flatMap(({ from, to }) => [
        { from, to: Math.min(to, hole.from) },
        { from: Math.max(from, hole.to), to },
      ])
      .filter((span) => lengthOf(span) > 0);
  }
  return left;
}

/** The instants within a window at which at least so many of the spans go on. */
export function coveredBy(spans: readonly Span[], atLeast: number, window: Span): Span[] {
  const steps = spans
    .map((span) => overlap(span, window))
    .filter((span) => lengthOf(span) > 0)
    .flatMap(({ from, to }) => [
      { at: from, step: 1 },
      { at: to, step: -1 },
    ])
    .sort((a, b) => a.at - b.at || b.step - a.step);
  const covered: Span[] = [];
  let count = 0;
  for (const { at, step } of steps) {
    const before = count;
    count += step;
    if (before < atLeast && count >= atLeast) covered.push({ from: at, to: at });
    const last = covered.at(-1);
    if (last && before >= atLeast && count < atLeast) last.to = at;
  }
  return covered;
}

export function overlap(one: Span, other: Span): Span {
  return { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) };
}

export function lengthOf({ from, to }: Span): number {
  return Math.max(0, to - from);
}

/** Of spans that do not meet. */
export function lengthOfAll(spans: readonly Span[]): number {
  return spans.reduce((total, span) => total + lengthOf(span), 0);
}
