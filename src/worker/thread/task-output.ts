/** @returns what goes where this thread prints as well; empty for nothing. */
type Print = (text: string, isError: boolean) => string;

type Write = NodeJS.WriteStream['write'];

/**
 * What code prints in this thread, through `console` or straight to `process.stdout`, is told to `print` first, in the turn
 * in which it is printed. The streams themselves stay: Node writes to them too.
 */
export function captureOutput(print: Print): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write.bind(stream);
    const routed: Write = (
      chunk: string | Uint8Array,
      encoding?: BufferEncoding | Callback,
      done?: Callback,
    ) => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      const shown = print(text, name === 'stderr');
      if (shown === text) return write(chunk, encoding as BufferEncoding, done);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (shown !== '') return write(shown, callback);
      if (callback) process.nextTick(callback);
      return true;
    };
    stream.write = routed;
  }
}

type Callback = (error?: Error | null) => void;
