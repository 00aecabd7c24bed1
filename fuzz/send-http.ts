import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import type { Random } from '../chaos/random.js';
import type { HttpInput } from './http-inputs.js';
import { anyBytes, anyText } from './values.js';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** @throws Error when there is no answer within `limitMs`, or the connection is lost. */
export class HttpSender {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #base: URL;
  readonly #token: string;
  readonly #limitMs: number;

  constructor(base: string, token: string, limitMs: number) {
    this.#base = new URL(base);
    this.#token = token;
    this.#limitMs = limitMs;
  }

  send({ method, path, headers, body }: HttpInput): Promise<HttpAnswer> {
    const { hostname, port } = this.#base;
    return new Promise((resolve, reject) => {
      const call = request({
        ...{ hostname, port, method, path, agent: this.#agent },
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...headers,
          ...(body && { 'content-length': body.length }),
        },
      });
      const limit = setTimeout(() => call.destroy(new Error('no answer in time')), this.#limitMs);
      const failed = (error: Error) => {
        clearTimeout(limit);
        reject(error);
      };
      call.once('error', failed);
      call.once('response', (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        let text = '';
        const done = () => {
          clearTimeout(limit);
          resolve({ status, headers: answered, text });
        };
        // A feed goes on for ever.
        if (String(answered['content-type']).startsWith('text/event-stream')) {
          done();
          call.destroy();
        }
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.once('error', failed);
        response.once('end', done);
      });
      call.end(body);
    });
  }

  /** What is no request, or only the beginning of one. Resolves when the connection has ended; @returns what was answered */
  sendRaw(random: Random): Promise<string> {
    const start = random.of([
      'GET / HTTP/1.1\r\n',
      'POST /v1/tasks HTTP/1.1\r\nhost: 127.0.0.1\r\n',
      'PRI * HTTP/2.0\r\n\r\n',
      '',
    ]);
    const bytes = Buffer.concat([
      Buffer.from(start + anyText(random)),
      anyBytes(random),
      Buffer.from('\r\n\r\n'),
    ]);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(this.#base.port), this.#base.hostname);
      let text = '';
      const limit = setTimeout(() => {
        socket.destroy();
        reject(new Error('the connection was not ended in time'));
      }, this.#limitMs);
      const ended = () => {
        clearTimeout(limit);
        resolve(text);
      };
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => (text += chunk));
      socket.once('error', ended); // Hung up on while it still sent.
      socket.once('close', ended);
      socket.end(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
