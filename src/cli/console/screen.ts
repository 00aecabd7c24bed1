import { cursorTo, type Interface } from 'node:readline';

/** Where the console writes: lines that happened, and the picture of the pool. */
export interface Screen {
  say(text: string): void;
  show(picture: readonly string[]): void;
  /** The picture goes away. */
  hide(): void;
}

/** Lines, one after the other. */
export class PlainScreen implements Screen {
  say(text: string): void {
    console.log(text);
  }

  show(picture: readonly string[]): void {
    console.log(picture.map((line) => line.replace(/\s+/g, ' ').trim()).join(' | '));
  }

  hide(): void {
    // What is printed is printed.
  }
}

const ESC = '\u001b';

/**
 * A terminal in two parts. The picture has the lines at the top, which do not scroll; what is typed and what is said have the rest.
 * The picture is drawn between saving and restoring the cursor, so nothing that is being typed is touched.
 */
export class TerminalScreen implements Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #readline: Interface;
  /** Lines at the top, 0 when there is no picture. */
  #height = 0;

  constructor(out: NodeJS.WriteStream, readline: Interface) {
    this.#out = out;
    this.#readline = readline;
    out.on('resize', () => this.hide());
  }

  /** Above the line that is being typed, which stays as it is. */
  say(text: string): void {
    const { rows } = this.#readline.getCursorPos();
    if (rows > 0) this.#out.write(`${ESC}[${rows}A`);
    cursorTo(this.#out, 0);
    this.#out.write(`${ESC}[J${text}\n`);
    this.#readline.prompt(true);
  }

  show(picture: readonly string[]): void {
    const { rows = 24, columns = 80 } = this.#out;
    if (rows < 8) return;
    if (this.#height === 0)
      this.#divide(Math.min(Math.floor(rows / 2), Math.max(6, picture.length + 3)), rows);
    const room = this.#height - 1;
    const shown =
      picture.length <= room ? picture : [...picture.slice(0, room - 2), '…', picture.at(-1) ?? ''];
    let text = `${ESC}7`;
    for (let row = 0; row < room; row++)
      text += `${ESC}[${row + 1};1H${ESC}[2K${cut(shown[row] ?? '', columns)}`;
    this.#out.write(`${text}${ESC}[${this.#height};1H${ESC}[2K${'─'.repeat(columns)}${ESC}8`);
  }

  hide(): void {
    if (this.#height === 0) return;
    let text = `${ESC}7${ESC}[r`;
    for (let row = 1; row <= this.#height; row++) text += `${ESC}[${row};1H${ESC}[2K`;
    this.#out.write(`${text}${ESC}8`);
    this.#height = 0;
  }

  /** From here on only what is below the picture scrolls. */
  #divide(height: number, rows: number): void {
    this.#height = height;
    // Room below what is there, then as much above it: the cursor ends where it was, in what has moved down.
    this.#out.write(
      `${'\n'.repeat(height)}${ESC}7${ESC}[H${ESC}[${height}L${ESC}[${height + 1};${rows}r${ESC}8`,
    );
    this.#readline.prompt(true);
  }
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
