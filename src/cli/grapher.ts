import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';

interface Arguments {
  files: string[];
  out: string;
  format: string;
}

export const grapherCommand: CommandModule<object, Arguments> = {
  command: 'grapher <files..>',
  describe: 'Draw profiles and benchmarks, and print the overall throughput',
  builder: (argv: Argv) =>
    argv
      .positional('files', {
        type: 'string',
        array: true,
        describe: 'CSV files; a bare name is looked for in profiling/ too',
      })
      .option('out', { type: 'string', default: 'plots', describe: 'folder of the pictures' })
      .option('format', { type: 'string', default: 'pdf', describe: 'pdf, png, svg, or several: pdf,png' })
      .example('$0 grapher profiling/results_2.csv', 'plots/busy.pdf and plots/throughput.pdf')
      .example('$0 grapher results_2.csv results_4.csv --format png', 'compare two runs') as Argv<Arguments>,
  handler: async ({ files, out, format }: ArgumentsCamelCase<Arguments>) => {
    const { FORMATS, graph, GrapherError } = await import('../grapher/index.js');
    const formats = format.split(',').map((text) => {
      const known = FORMATS.find((name) => name === text.trim());
      if (!known) throw new GrapherError(`--format: expected ${FORMATS.join(', ')}, got ${text}`);
      return known;
    });
    const { written, summaries } = await graph(files, { out, formats });
    for (const line of [...summaries, ...written]) console.log(line);
  },
};
