/** What the client's last words say where it has cut the source, and the source without them. */
export function uncut(source: string): { text: string; cut: string | undefined } {
  const [, text = source, cut] = /^([^]*)\n… \((cut: [^()]*)\)$/.exec(source) ?? [];
  return { text, cut };
}

/** Without the depth at which it stands where it is written: its first line has none, however deep the others are. */
export function dedented(source: string): string {
  const [first = '', ...rest] = source.split('\n');
  const depthOf = (line: string) => line.length - line.trimStart().length;
  const depth = Math.min(...rest.filter((line) => line.trim() !== '').map(depthOf));
  return [first, ...rest.map((line) => line.slice(Math.min(depth, depthOf(line))))].join('\n');
}
