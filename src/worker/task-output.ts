/** @returns whether what is printed is to go where this thread prints as well. */
type Print = (text: string, isError: boolean) => boolean;

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
      if (print(text, name === 'stderr')) return write(chunk, encoding as BufferEncoding, done);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (callback) process.nextTick(callback);
      return true;
    };
    stream.write = routed;
  }
}

type Callback = (error?: Error | null) => void;
