import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** One way of one connection: passes on what comes in, in its order, when it is due. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: () => number;
  /** What has come in and is not passed on yet, in its order. */
  readonly #waiting: { pass: () => void; dueAt: number }[] = [];

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on('data', (chunk: Buffer) => this.#later(() => to.write(chunk)));
    from.on('end', () => this.#later(() => to.end()));
  }

  /** The reader sees the end of the stream; what it writes still arrives. */
  halfClose(): void {
    this.#from.pause();
    this.#to.end();
  }

  #later(pass: () => void): void {
    this.#waiting.push({ pass, dueAt: performance.now() + this.#delayMs() });
    if (this.#waiting.length === 1) this.#passOn();
  }

  /** By one timer: two that are due at the same instant keep no order, and a stream of which parts are swapped hangs for ever. */
  #passOn(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const leftMs = next.dueAt - performance.now();
      if (leftMs > 0) return void setTimeout(() => this.#passOn(), Math.ceil(leftMs));
      this.#waiting.shift();
      if (!this.#to.destroyed && !this.#to.writableEnded) next.pass();
    }
  }
}

interface Connection {
  near: Socket;
  far: Socket;
  pipes: Pipe[];
}

/** Stands between two processes, and cuts, delays and half-closes what they say to each other. */
export class Proxy {
  readonly #server: Server;
  readonly #target: NetConnectOpts;
  readonly #connections = new Set<Connection>();
  #delayMs = 0;
  #isRefusing = false;

  constructor(target: NetConnectOpts) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
    this.#server.on('error', () => undefined);
  }

  /** @param address a port of this machine (0 for any), or the path of a socket. Returns the port. */
  async listen(address: number | string): Promise<number> {
    if (typeof address === 'string') this.#server.listen(address);
    else this.#server.listen(address, '127.0.0.1');
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    return typeof bound === 'object' && bound ? bound.port : 0;
  }

  cut(): void {
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
  }

  /** Cuts what there is, and lets nobody through. */
  refuse(): void {
    this.#isRefusing = true;
    this.cut();
  }

  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** @param towards which end sees the other one hang up. */
  halfClose(towards: 'near' | 'far'): void {
    for (const { pipes } of this.#connections) pipes[towards === 'far' ? 0 : 1]?.halfClose();
  }

  /** From now on everything passes. */
  heal(): void {
    this.#isRefusing = false;
    this.#delayMs = 0;
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #accept(near: Socket): void {
    if (this.#isRefusing) {
      near.destroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true });
    const delayMs = () => this.#delayMs;
    const connection = { near, far, pipes: [new Pipe(near, far, delayMs), new Pipe(far, near, delayMs)] };
    this.#connections.add(connection);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        near.destroy();
        far.destroy();
        this.#connections.delete(connection);
      });
    }
  }
}
