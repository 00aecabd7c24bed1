import type { CommandModule } from 'yargs';

/**
 * What yargs says of a command line that it refuses, in one sentence as everything else is refused.
 *
 * @param message its words.
 * @param word the first one of the command line.
 */
export function refusalOf(
  message: string,
  word: string | undefined,
  commands: readonly CommandModule[],
): string {
  const usage = commands.map(({ command }) => String(command)).find((text) => text.split(' ')[0] === word);
  if (message.startsWith('Not enough non-option arguments') && usage !== undefined)
    return `expected \`offhand ${usage}\`; see \`offhand ${word} --help\``;
  const choice = /^Invalid values:\s+Argument: (\S+), Given: (.*), Choices: (.+)$/.exec(message);
  if (choice) {
    const [, name = '', given, choices] = choice;
    const isPositional = usage !== undefined && new RegExp(`[<[]${name}[.\\]>]`).test(usage);
    return `${isPositional ? '' : '--'}${name}: expected one of ${choices}, got ${given}`;
  }
  const words = /^Unknown (?:arguments?|commands?): (.+)$/.exec(message)?.[1]?.split(', ');
  if (words === undefined) return message;
  // A flag of several words is named twice, the second time as programs have it.
  const stray = words
    .filter((each) => !words.some((other) => other !== each && camel(other) === each))
    .join(', ');
  if (stray === word) return `unknown command ${stray}; \`offhand --help\` lists them`;
  // npm swallows flags that stand before `--` and passes their values on as words of their own.
  return `unknown argument ${stray}; see --help (after \`npm run\`, flags need -- before them: npm run server -- 4 --port 5005)`;
}

/** `retry-on` as `retryOn`. */
function camel(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
