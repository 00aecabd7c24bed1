import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Makes JavaScript of a script in TypeScript, with what it imports inside, and gives the file. Its errors name the lines of the
 * script: the map is in the file.
 *
 * @throws Error whose message is the compiler's account of what is wrong
 */
export async function compileScript(file: string, to: string): Promise<string> {
  const { build, formatMessages } = await import('esbuild');
  const output = join(to, 'script.mjs');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      outfile: output,
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      logLevel: 'silent',
      // What is bundled stands elsewhere; where the script asks for its own place, it is meant where it was written.
      define: {
        'import.meta.url': JSON.stringify(pathToFileURL(file).href),
        __filename: JSON.stringify(file),
        __dirname: JSON.stringify(dirname(file)),
      },
      banner: {
        js: `import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(${JSON.stringify(file)});`,
      },
    });
    await mkdir(to, { recursive: true });
    await writeFile(output, outputFiles[0]?.contents ?? '');
    return output;
  } catch (error) {
    const { errors } = error as { errors?: Parameters<typeof formatMessages>[0] };
    if (!errors) throw error;
    const all = (await formatMessages(errors, { kind: 'error' })).join('').trimEnd();
    throw new Error(`cannot be compiled: ${errors[0]?.text}\n${all}`, { cause: error });
  }
}
