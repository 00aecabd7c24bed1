import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Results, ScriptResult } from '../../src/scripts/results.js';
import { Command, type Finished, MAIN, offhand } from '../support/cli.js';
import { Sandbox } from '../support/sandbox.js';

/** A sandbox with a folder `jobs` of scripts in it. */
export class Jobs extends Sandbox {
  constructor(scripts: Record<string, string>) {
    super();
    mkdirSync(this.path('jobs'));
    for (const [name, text] of Object.entries(scripts)) this.write(name, text);
  }

  /** What begins with `#!` can be executed. */
  write(name: string, text: string): void {
    const file = this.path('jobs', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (text.startsWith('#!')) chmodSync(file, 0o755);
  }

  run(...flags: string[]): Promise<Finished> {
    return offhand(this, ['scripts', 'jobs', ...flags]);
  }

  start(...flags: string[]): Command {
    return new Command(process.execPath, [MAIN, 'scripts', 'jobs', ...flags], this);
  }

  get results(): Results {
    return JSON.parse(readFileSync(this.path('result', 'results.json'), 'utf8')) as Results;
  }

  of(name: string): ScriptResult {
    const found = this.results.scripts.find((script) => script.name === name);
    if (!found) throw new Error(`no result of ${name}`);
    return found;
  }

  /** What a script printed, or a file that it wrote. */
  read(name: string, what = 'stdout'): string {
    return readFileSync(join(this.path('result', 'scripts', name), what), 'utf8');
  }
}
