import type { Failure, Outcome } from '../../wire/outcome.js';
import { encodePayload, type Encoding, type Payload } from '../../wire/values/payload.js';
import type { Outbox } from './job.js';
import type { ThreadMessage } from '../thread-messages.js';

/** The outcome of one unary call, which the main thread answers. */
export class UnaryOutbox implements Outbox {
  readonly #call: number;
  readonly #tell: (message: ThreadMessage, transfer: ArrayBuffer[]) => void;
  #outcome: Outcome | undefined;
  readonly isClosed = false;
  readonly mustFlush = false;
  readonly isWriting = false;

  constructor(call: number, tell: (message: ThreadMessage, transfer: ArrayBuffer[]) => void) {
    this.#call = call;
    this.#tell = tell;
  }

  succeeded(_epoch: number, _number: number, value: unknown, encoding: Encoding, runMs: number): void {
    this.#settle({ kind: 'result', result: encodePayload(value, encoding, 'the result'), runMs });
  }

  encoded(_epoch: number, _number: number, result: Payload, runMs: number): void {
    this.#settle({ kind: 'result', result, runMs });
  }

  failed(_number: number, _count: number, failure: Failure, runMs: number): void {
    this.#settle({ kind: 'failure', failure, runMs });
  }

  notBegun(): void {
    const message = 'the lease ended before the task began';
    this.#settle({ kind: 'failure', failure: { code: 'lease-lost', message, mayHaveRun: false }, runMs: 0 });
  }

  /** Small buffers share one pool, which cannot change hands: those are copied, the others move. */
  flush(): void {
    const outcome = this.#outcome;
    if (!outcome) return;
    this.#outcome = undefined;
    const payload = outcome.kind === 'result' ? outcome.result : outcome.failure.error;
    if (payload && payload.data.byteLength !== payload.data.buffer.byteLength)
      payload.data = new Uint8Array(payload.data);
    this.#tell(
      { type: 'settled', call: this.#call, outcome },
      payload ? [payload.data.buffer as ArrayBuffer] : [],
    );
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome;
  }
}
