import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import { Captures } from '../client/shipping/captures.js';
import { messageOf, PoolError } from '../core/errors.js';
import { idOf } from '../wire/functions/function-id.js';
import type { NamedFunction } from '../wire/functions/named.js';
import { keyOf } from '../wire/functions/parts.js';
import { readFunctions, writeFunctions } from './flags/functions-file.js';
import { loadExport } from './flags/load-export.js';

interface Arguments {
  target: string | undefined;
  functions: string;
  name: string | undefined;
  source: boolean;
  remove: string | undefined;
  json: boolean;
}

export const allowCommand: CommandModule<object, Arguments> = {
  command: 'allow [target]',
  describe: 'Register a function for a pool that runs named ones only',
  builder: (argv: Argv) =>
    argv
      .positional('target', { type: 'string', describe: 'FILE#EXPORT (.js .mjs .cjs .ts)' })
      .option('functions', {
        type: 'string',
        default: 'functions.json',
        describe: 'file of the functions that may run',
      })
      .option('name', { type: 'string', describe: 'what it is called there  [default: EXPORT]' })
      .option('source', {
        type: 'boolean',
        default: false,
        describe: 'the text of FILE is the function, as clients in other languages send it',
      })
      .option('remove', { type: 'string', describe: 'takes the function of this name off the list' })
      .option('json', { type: 'boolean', default: false, describe: 'print the list as it is then' })
      .example('$0 allow image.js#resize', 'then: offhand server --code named --functions functions.json')
      .example('$0 allow --remove resize', 'it may not run any more, once the server starts again')
      .example('$0 allow add.js --source', 'for what is sent as source: RunCode, POST /v1/tasks'),
  handler: async ({ target, functions: file, name, source, remove, json }: ArgumentsCamelCase<Arguments>) => {
    if ((target === undefined) === (remove === undefined))
      throw new PoolError(
        'invalid-argument',
        'allow: expected FILE#EXPORT, or --remove NAME, one of the two',
      );
    const list = readFunctions(file) ?? [];
    const { changed, words } =
      remove === undefined
        ? added(list, await functionOf(String(target), source, name))
        : removed(list, remove, file);
    if (changed !== list) writeFunctions(file, changed);
    console.log(json ? JSON.stringify(changed, null, 2) : `${file}: ${words}`);
  },
};

interface Change {
  changed: NamedFunction[];
  words: string;
}

/** As `offhand run`, and `pool.module` in a program, send it. */
async function functionOf(
  target: string,
  isSource: boolean,
  name: string | undefined,
): Promise<NamedFunction> {
  if (isSource) {
    const id = idOf(textOf(target));
    return { name: name ?? basename(target).replace(/\.\w+$/, ''), from: target, id, parts: [] };
  }
  const shipped = Captures.none.ship(await loadExport(target));
  return { name: name ?? shipped.name, from: target, id: shipped.id, parts: shipped.parts.map(keyOf) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new PoolError('invalid-argument', `${file}: it cannot be read (${messageOf(error)})`);
  }
}

function added(list: NamedFunction[], fn: NamedFunction): Change {
  const known = list.find(({ name }) => name === fn.name);
  if (!known) return { changed: [...list, fn], words: `${fn.name} may run (sha256 ${fn.id})` };
  if (JSON.stringify(known) === JSON.stringify(fn))
    return { changed: list, words: `${fn.name} may run already (sha256 ${fn.id})` };
  const changed = list.map((one) => (one === known ? fn : one));
  return {
    changed,
    words: `${fn.name} (sha256 ${fn.id}) may run in place of the one before (sha256 ${known.id}, from ${known.from})`,
  };
}

/** @throws PoolError `not-found` */
function removed(list: NamedFunction[], name: string, file: string): Change {
  if (!list.some((fn) => fn.name === name)) {
    const names = list.map((fn) => fn.name).join(', ') || 'nothing';
    throw new PoolError('not-found', `${file} has no function ${name}; it has ${names}`);
  }
  return { changed: list.filter((fn) => fn.name !== name), words: `${name} is off the list` };
}
