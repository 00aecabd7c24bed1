import { linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Proxy } from './proxy.js';

const WATCH_MS = 25;
const SOCKET = /^worker-\d+-\d+\.sock$/;

interface Interposed {
  proxy: Proxy;
  /** Of the socket's file that the proxy listens on. */
  inode: number;
  /** Where the slot itself can be reached now. */
  hidden: string;
}

/**
 * Stands between clients and slots. Slots listen on Unix sockets; the file of each is moved aside, and replaced in one step
 * by that of a proxy, so that nobody finds nothing there.
 */
export class SlotProxies {
  readonly #folder: string;
  readonly #interposed = new Map<string, Interposed>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#timer = setInterval(() => void this.#look(), WATCH_MS);
  }

  /** Those that stand before a slot now. */
  get all(): { name: string; proxy: Proxy }[] {
    return [...this.#interposed].map(([name, { proxy }]) => ({ name, proxy })).sort(byName);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const [name, known] of this.#interposed) this.#remove(name, known);
  }

  async #look(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const names = new Set(this.#sockets());
    for (const [name, known] of this.#interposed) if (!names.has(name)) this.#remove(name, known);
    for (const name of names) {
      const inode = inodeOf(join(this.#folder, name));
      if (inode !== undefined && inode !== this.#interposed.get(name)?.inode) await this.#interpose(name);
    }
    this.#isBusy = false;
  }

  async #interpose(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const draft = join(this.#folder, `.p${++this.#count}`);
    const hidden = join(this.#folder, `.s${this.#count}`);
    const before = this.#interposed.get(name);
    const proxy = new Proxy({ path: hidden });
    await proxy.listen(draft);
    try {
      linkSync(path, hidden);
      const inode = statSync(draft).ino;
      renameSync(draft, path);
      if (before) this.#remove(name, before);
      this.#interposed.set(name, { proxy, inode, hidden });
    } catch {
      proxy.close(); // The slot has gone meanwhile.
      rmSync(hidden, { force: true });
    }
  }

  #remove(name: string, { proxy, hidden }: Interposed): void {
    this.#interposed.delete(name);
    proxy.close();
    rmSync(hidden, { force: true });
  }

  #sockets(): string[] {
    try {
      return readdirSync(this.#folder).filter((name) => SOCKET.test(name));
    } catch {
      return []; // No pool yet.
    }
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
