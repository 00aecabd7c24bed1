import { main } from '../../src/cli/commands.js';

export interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command in this process, which costs a hundredth of a real one. One at a time. */
export async function inProcess(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Printed> {
  const real = { log: console.log, error: console.error, exit: process.exit.bind(process), env: process.env };
  const printed: Printed = { code: 0, stdout: '', stderr: '' };
  let hasExited = false;
  const print = (stream: 'stdout' | 'stderr', words: unknown[]) => {
    if (!hasExited) printed[stream] += `${words.join(' ')}\n`;
  };
  console.log = (...words: unknown[]) => print('stdout', words);
  console.error = (...words: unknown[]) => print('stderr', words);
  process.exit = (code) => {
    if (!hasExited) printed.code = Number(code ?? 0);
    hasExited = true;
    throw new Error('the process would have ended here');
  };
  process.env = { ...real.env, ...env };
  try {
    await main(args);
  } catch (error) {
    if (!hasExited) throw error;
  } finally {
    Object.assign(console, { log: real.log, error: real.error });
    Object.assign(process, { exit: real.exit, env: real.env });
  }
  return printed;
}
