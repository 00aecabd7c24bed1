/** Measures what one attempt prints, and lets it through up to a limit. What comes after is dropped, which is said once. */
export class OutputMeter {
  #leftBytes: number;
  #isOver = false;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#leftBytes = maxBytes;
  }

  /** What is to be printed in the place of this; empty for nothing. */
  take(text: string): string {
    if (this.#isOver) return '';
    const bytes = Buffer.byteLength(text);
    if (bytes <= this.#leftBytes) {
      this.#leftBytes -= bytes;
      return text;
    }
    this.#isOver = true;
    // As far as whole characters fit.
    const { read } = new TextEncoder().encodeInto(text, new Uint8Array(this.#leftBytes));
    const fitting = text.slice(0, read);
    const gap = fitting.endsWith('\n') || fitting === '' ? '' : '\n';
    return `${fitting}${gap}(offhand: this task has printed ${this.#maxBytes} bytes, and what it prints from here on is dropped: --max-output, maxOutput)\n`;
  }
}
