import { execFileSync } from 'node:child_process';
import type { Sandbox } from './sandbox.js';
import { waitFor } from './wait.js';

/** A program in a real terminal of 100 by 30, whose screen can be looked at. */
export class Terminal {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox, program: string, args: string[]) {
    this.#sandbox = sandbox;
    const words = [program, ...args].map((word) => `'${word}'`).join(' ');
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '100', '-y', '30', words);
  }

  /** What can be seen now. */
  screen(): string {
    return this.#tmux('capture-pane', '-p');
  }

  /** Presses keys, named as tmux does (`Enter`, `Tab`, `Up`), or types words. */
  press(...keys: string[]): void {
    for (const key of keys) this.#tmux('send-keys', key);
  }

  /** Resolves with the screen that fits. */
  async shows(pattern: RegExp): Promise<string> {
    let seen = '';
    return waitFor(`${pattern} on the screen`, () => {
      seen = this.screen();
      return pattern.test(seen) ? seen : undefined;
    }).catch((error: unknown) => {
      throw new Error(`not on the screen: ${pattern}\n${seen}`, { cause: error });
    });
  }

  /** Resolves when the program has ended, and the terminal with it. */
  async ended(): Promise<void> {
    await waitFor('the terminal to close', () => {
      try {
        this.#tmux('list-sessions');
        return false;
      } catch {
        return true;
      }
    });
  }

  #tmux(...args: string[]): string {
    const { dir, cwd, env } = this.#sandbox;
    return execFileSync('tmux', ['-S', `${dir}/tmux`, ...args], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }
}
