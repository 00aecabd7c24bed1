import type { Metafile } from 'esbuild';

/** How many of the largest parts of a bundle are named. */
const NAMED = 5;

/** What takes most of a bundle: packages as wholes, and files of one's own. */
export function largestParts({ outputs }: Metafile): { name: string; bytes: number }[] {
  const sizes = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const name = packageOf(file) ?? file;
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  const sorted = [...sizes].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, NAMED).map(([name, bytes]) => ({ name, bytes }));
}

/** The name of the package that a file is of; undefined for files of one's own. */
export function packageOf(file: string): string | undefined {
  return /.*node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(file)?.[1]?.replaceAll('\\', '/');
}

/** Files of one's own that import one another in a circle, the first one again at the end; undefined where none do. */
export function circleIn({ inputs, outputs }: Metafile): string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, above: string[]): string[] | undefined => {
    const start = above.indexOf(file);
    if (start >= 0) return [...above.slice(start), file];
    if (done.has(file) || packageOf(file)) return undefined;
    for (const { path, kind, external } of inputs[file]?.imports ?? []) {
      if (external || kind === 'dynamic-import') continue;
      const circle = follow(path, [...above, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  const entries = Object.values(outputs).flatMap(({ entryPoint }) => entryPoint ?? []);
  for (const file of [...entries, ...Object.keys(inputs)]) {
    const circle = follow(file, []);
    if (circle) return circle;
  }
  return undefined;
}
