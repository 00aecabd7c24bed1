/** Without the depth at which it stands where it is written: its first line has none, however deep the others are. */
export function dedented(source: string): string {
  const [first = '', ...rest] = source.split('\n');
  const depthOf = (line: string) => line.length - line.trimStart().length;
  // The client's own last words where it was cut stand at the margin.
  const depths = rest.filter((line) => line.trim() !== '' && !line.startsWith('…')).map(depthOf);
  const depth = Math.min(...depths);
  return [first, ...rest.map((line) => line.slice(Math.min(depth, depthOf(line))))].join('\n');
}
