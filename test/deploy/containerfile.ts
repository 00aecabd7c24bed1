import { readFileSync } from 'node:fs';

/** The instructions of the last stage of a container file, in their order. */
export function instructionsOf(path: string): { name: string; text: string }[] {
  const lines = readFileSync(path, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .filter((line) => line !== '');
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')) + 1);
  return stage.map((line) => {
    const [name = ''] = line.split(' ', 1);
    return { name, text: line.slice(name.length + 1) };
  });
}
