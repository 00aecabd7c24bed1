import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { benchText, profileText, twoWorkers } from './profile-text.js';

// These run the grapher as it ships, in a process of its own: the bundle under dist/, made by `npm run build`.
const BUILT = resolve('dist/grapher');

type Outcome = { written: string[]; summaries: string[] } | { name: string; message: string };

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'offhand-grapher-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Calls `graph` with `cwd` as the current folder. @param built where the grapher is */
function graph(cwd: string, files: string[], options: object = {}, built = BUILT): Outcome {
  const script = `
    const { graph } = await import(${JSON.stringify(join(built, 'index.js'))});
    const outcome = await graph(${JSON.stringify(files)}, ${JSON.stringify(options)}).catch(({ name, message }) => ({ name, message }));
    console.log(JSON.stringify(outcome));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd,
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Outcome;
}

/** What a PDF holds, its compressed streams opened. */
function opened(pdf: Buffer): string {
  const parts = [pdf.toString('latin1')];
  for (let at = pdf.indexOf('stream'); at >= 0; at = pdf.indexOf('stream', at + 6)) {
    const start = pdf[at + 6] === 13 ? at + 8 : at + 7;
    try {
      parts.push(inflateSync(pdf.subarray(start)).toString('latin1'));
    } catch {
      // The word also ends a stream, and a font's stream may not be deflated.
    }
  }
  return parts.join('\n');
}

/** Letters by the tables of a PDF that say which one each glyph is: what they name can be selected and searched. */
function lettersOf(pdf: string): Set<string> {
  const letters = new Set<string>();
  for (const [, kind, table = ''] of pdf.matchAll(/beginbf(char|range)([\s\S]*?)endbf/g)) {
    for (const line of table.split('\n')) {
      const [from = 0, to = 0, letter = 0] = [...line.matchAll(/<([0-9A-F]+)>/g)].map(([, hex]) =>
        parseInt(hex ?? '', 16),
      );
      const [first, count] = kind === 'char' ? [to, 1] : [letter, to - from + 1];
      for (let index = 0; index < count; index += 1) letters.add(String.fromCharCode(first + index));
    }
  }
  return letters;
}

/** The texts of an SVG, without the spaces that put columns in line. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, text = '']) => text.replace(/[\s\u2007]+/g, ' '));
}

describe('graph', () => {
  test('draws a profile found in profiling/ as vector PDFs with text', async () => {
    await inFolder(async (folder) => {
      await mkdir(join(folder, 'profiling'));
      await writeFile(join(folder, 'profiling/results_2.csv'), twoWorkers());
      expect(graph(folder, ['results_2.csv'])).toEqual({
        written: ['plots/busy.pdf', 'plots/throughput.pdf'],
        summaries: ['Overall throughput: 12.50 tasks/s (125 completed, 1 failed, 10.0 s)'],
      });
      for (const file of ['busy.pdf', 'throughput.pdf']) {
        const bytes = await readFile(join(folder, 'plots', file));
        expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
        const pdf = opened(bytes);
        expect(pdf).toContain('DejaVuSans-Bold');
        expect(pdf).not.toMatch(/\/Subtype\s*\/(Image|Type3)/);
        expect([...'results_2.csv'].filter((letter) => !lettersOf(pdf).has(letter))).toEqual([]);
      }
    });
  });

  test('names the pictures of several profiles after them and draws one throughput', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'results_1x1.csv'), twoWorkers());
      await writeFile(join(folder, 'results_2x1.csv'), profileText());
      const outcome = graph(folder, ['results_1x1.csv', 'results_2x1.csv', './results_1x1.csv'], {
        out: 'a/b',
      });
      expect(outcome).toEqual({
        written: ['a/b/busy-results_1x1.pdf', 'a/b/busy-results_2x1.pdf', 'a/b/throughput.pdf'],
        summaries: [
          'results_1x1.csv: Overall throughput: 12.50 tasks/s (125 completed, 1 failed, 10.0 s)',
          'results_2x1.csv: Overall throughput: none, no task ran in results_2x1.csv.',
        ],
      });
    });
  });

  test('draws a bench, known by its header, in every format', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'any.csv'), benchText(4, 4));
      const outcome = graph(folder, ['any.csv'], { formats: ['png', 'svg'] });
      expect(outcome).toEqual({
        written: ['plots/bench.png', 'plots/bench.svg'],
        summaries: ['any.csv: 10 ms CPU: at most 400.00 tasks/s (1 client x 4 workers, 4.00 times 1 x 1)'],
      });
      const png = await readFile(join(folder, 'plots/bench.png'));
      expect(png.subarray(1, 4).toString()).toBe('PNG');
      expect(png.readUInt32BE(16)).toBe(1920);
      const svg = await readFile(join(folder, 'plots/bench.svg'), 'utf8');
      const texts = ['any.csv: 10 ms CPU, 1-4 clients x 1-4 workers', '4 workers', 'throughput (tasks/s)'];
      expect(textsOf(svg)).toEqual(expect.arrayContaining(texts));
    });
  });

  test('labels each lane with its worker and its share, and the axis with its unit', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'results_2.csv'), twoWorkers());
      graph(folder, ['results_2.csv'], { formats: ['svg'] });
      const texts = [
        'worker-1 100 %',
        'worker-2 25 %',
        'all workers 63 %',
        'time since the profile began (s)',
      ];
      expect(textsOf(await readFile(join(folder, 'plots/busy.svg'), 'utf8'))).toEqual(
        expect.arrayContaining(texts),
      );
    });
  });

  test('writes nothing when one of the files is bad', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'good.csv'), twoWorkers());
      await writeFile(join(folder, 'bad.csv'), 'a,b\n');
      expect(graph(folder, ['good.csv', 'bad.csv'])).toMatchObject({ name: 'GrapherError' });
      expect(await readdir(folder)).toEqual(['bad.csv', 'good.csv']);
    });
  });

  test('says where it looked for a file that is missing', async () => {
    await inFolder(async (folder) => {
      const { message } = graph(folder, ['results_9.csv']) as { message: string };
      expect(message).toMatch(/^results_9\.csv: no such file; looked in \S+ and \S+profiling\.$/);
      const other = graph(folder, ['else/results_9.csv']) as { message: string };
      expect(other.message).toMatch(/^results_9\.csv: no such file; looked in \S+else\.$/);
    });
  });

  test('refuses an unknown format, no file, a folder and a place it cannot write to', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'results_2.csv'), twoWorkers());
      const refusal = (files: string[], options: object = {}) => graph(folder, files, options);
      expect(refusal(['results_2.csv'], { formats: ['gif'] })).toEqual({
        name: 'GrapherError',
        message: 'Format "gif" is not known: use pdf, png, svg.',
      });
      expect(refusal([])).toMatchObject({ message: expect.stringContaining('Name at least one CSV file') });
      expect(refusal(['.'])).toMatchObject({ message: '. is a folder: name a CSV file in it.' });
      expect(refusal(['results_2.csv'], { out: 'results_2.csv/plots' })).toEqual({
        name: 'GrapherError',
        message:
          'Cannot write results_2.csv/plots: something that is no folder stands in its place; ' +
          'choose another folder with --out.',
      });
    });
  });

  test('asks in one sentence for the one package it needs where that is not installed', async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'results_2.csv'), twoWorkers());
      const installed = join(folder, 'node_modules/offhand');
      await cp(BUILT, join(installed, 'grapher'), { recursive: true });
      await writeFile(join(installed, 'package.json'), '{ "type": "module" }');
      await cp(resolve('node_modules/csv-parse'), join(folder, 'node_modules/csv-parse'), {
        recursive: true,
      });
      expect(graph(folder, ['results_2.csv'], {}, join(installed, 'grapher'))).toEqual({
        name: 'GrapherError',
        message: 'Drawing needs @napi-rs/canvas, which is not installed: npm install @napi-rs/canvas@1.0.11',
      });
    });
  });
});
