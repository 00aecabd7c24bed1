// The functions of the benchmark. Each stands alone, since it travels as source.

export function noOp(): void {}

/** Work of a fixed amount, whoever runs it and how often it is interrupted. */
export function spin(rounds: number): number {
  let x = 1;
  for (let i = 0; i < rounds; i++) x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
  return x;
}

/** How many rounds of {@link spin} take about `ms` here: the median of several tries. */
export function roundsFor(ms: number): number {
  const tries = Array.from({ length: 15 }, () => {
    const rounds = 1_000_000;
    const startedAt = performance.now();
    spin(rounds);
    return (rounds * ms) / (performance.now() - startedAt);
  });
  return Math.round(tries.sort((a, b) => a - b)[7] ?? 0);
}
