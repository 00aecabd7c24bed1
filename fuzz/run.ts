import { mkdirSync, readFileSync, rmSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Random } from '../chaos/random.js';
import { HttpCaller, type Route, routesOf } from '../test/support/http-caller.js';
import {
  Caller,
  DISCOVERY,
  type Method,
  PROTO_DEFINITION,
  type Service,
  SERVICES,
} from '../test/support/rpc.js';
import { isRunning, Sandbox } from '../test/support/sandbox.js';
import { startServer, type TestServer } from '../test/support/server.js';
import { waitFor } from '../test/support/wait.js';
import { grpcInput, type Messages, messagesIn } from './grpc-inputs.js';
import { httpInput } from './http-inputs.js';
import { sendGrpc } from './send-grpc.js';
import { HttpSender } from './send-http.js';

/** Whoever has no answer after this long is left hanging, in ms. */
const HANG_MS = 20_000;
/** How long is waited for what may rightly take for ever: a free worker, an outcome. */
const PATIENCE_MS = 300;
/** Calls that wait for something to happen. */
const WAITS = /FindFreeWorker$|ExplainLoss$|Result$|Drain$|Scale$|Watch$/;
/** So many are under way at a time. */
const AT_A_TIME = 24;
/** The share of the inputs before memory is first looked at: what is compiled and kept once is there then. */
const WARM_UP = 0.3;

export interface FuzzOutcome {
  /** How often each answer was given, by its name. */
  answers: Map<string, number>;
  violations: string[];
  /** Live memory of the coordinator and the worker together after the warm-up and at the end, in bytes. */
  memory: { before: number; after: number };
}

interface Target {
  address: string;
  caller: Caller;
  methods: Method[];
}

/** Sends so many inputs that a seed decides to a pool of its own, and looks whether it is well afterwards. */
export async function fuzz(seed: number, inputs: number): Promise<FuzzOutcome> {
  await using sandbox = new Sandbox();
  const memoryDir = sandbox.path('memory');
  mkdirSync(memoryDir);
  const flags = ['1', '--min', '1', '--max', '1', '--no-profile', '--http', '--http-rate', '1000000'];
  const bounds = ['--max-queued', '200', '--keep-count', '200', '--log-level', 'error'];
  const server = await startServer(sandbox, [...flags, ...bounds], {
    NODE_OPTIONS: `--require ${join(process.cwd(), 'fuzz/live-memory.cjs')}`,
    NODE_FUZZ_MEMORY_DIR: memoryDir,
  });
  const fuzzer = await Fuzzer.on(server, sandbox, seed, memoryDir);
  try {
    return await fuzzer.run(inputs);
  } finally {
    fuzzer.close();
    await server.stop();
  }
}

class Fuzzer {
  readonly #server: TestServer;
  readonly #random: Random;
  readonly #memoryDir: string;
  readonly #http: HttpCaller;
  readonly #sender: HttpSender;
  readonly #routes: Route[];
  readonly #targets: Target[];
  readonly #messages: Messages = messagesIn(PROTO_DEFINITION);
  readonly #answers = new Map<string, number>();
  readonly #violations: string[] = [];
  readonly #ids: string[] = [];

  private constructor(
    server: TestServer,
    seed: number,
    memoryDir: string,
    http: HttpCaller,
    routes: Route[],
    targets: Target[],
  ) {
    this.#server = server;
    this.#random = new Random(seed);
    this.#memoryDir = memoryDir;
    this.#http = http;
    this.#sender = new HttpSender(server.http, server.token, HANG_MS);
    this.#routes = routes;
    this.#targets = targets;
  }

  static async on(server: TestServer, sandbox: Sandbox, seed: number, memoryDir: string): Promise<Fuzzer> {
    const http = new HttpCaller(server.http, server.token);
    const { token } = server;
    const worker = `127.0.0.1:${server.workerPorts.get('worker-1')}`;
    const target = (address: string, service: Service | undefined, knows = token): Target => ({
      address,
      caller: new Caller(address, service ?? {}, { token: knows }),
      methods: Object.values(service ?? {}),
    });
    const { Stop, ...coordinator } = SERVICES.get('offhand.v1.Coordinator') ?? {};
    return new Fuzzer(server, seed, memoryDir, http, await routesOf(http), [
      target(server.address, coordinator),
      // Stopping a pool is what it is for: only who may not is of interest.
      target(server.address, Stop && { Stop }, 'wrong'),
      target(server.address, SERVICES.get('offhand.v1.Queue')),
      target(worker, DISCOVERY),
      target(worker, SERVICES.get('offhand.v1.Worker')),
      target(slotAddress(sandbox), SERVICES.get('offhand.v1.Slot')),
    ]);
  }

  async run(inputs: number): Promise<FuzzOutcome> {
    const { pid } = await this.#worker();
    const pids = [this.#server.pid, pid];
    await this.#send(Math.round(inputs * WARM_UP));
    const before = await this.#memory(pids);
    await this.#send(inputs - Math.round(inputs * WARM_UP));
    await this.#checkWell(pid);
    const after = await this.#memory(pids);
    return { answers: this.#answers, violations: this.#violations, memory: { before, after } };
  }

  close(): void {
    this.#sender.close();
    for (const { caller } of this.#targets) caller[Symbol.dispose]();
  }

  async #send(count: number): Promise<void> {
    let left = count;
    const sendAll = async () => {
      while (left-- > 0) await this.#one();
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, sendAll));
  }

  async #one(): Promise<void> {
    const chance = this.#random.next();
    if (chance < 0.02) await this.#raw();
    else if (chance < 0.5) await this.#rest();
    else await this.#rpc();
  }

  async #rest(): Promise<void> {
    const input = httpInput(this.#random, this.#routes, this.#ids);
    const named = `${input.method} ${input.path} ${String(input.body ?? '').slice(0, 400)}`;
    try {
      const { status: code, headers, text } = await this.#sender.send(input);
      this.#count(`HTTP ${code}`);
      if (code === 202 || code === 200) this.#learn(text);
      if (code < 500) return;
      if ((code === 503 || code === 504) && headers['retry-after'] !== undefined) return;
      this.#violations.push(`${named}: ${code} ${text.slice(0, 400)}`);
    } catch (error) {
      this.#violations.push(`${named}: ${String(error)}`);
    }
  }

  async #raw(): Promise<void> {
    try {
      const answer = await this.#sender.sendRaw(this.#random);
      const code = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 'hung up';
      this.#count(`raw ${code}`);
      if (code.startsWith('5')) this.#violations.push(`raw: ${answer.slice(0, 400)}`);
    } catch (error) {
      this.#violations.push(`raw: ${String(error)}`);
    }
  }

  async #rpc(): Promise<void> {
    const { caller, methods } = this.#random.of(this.#targets);
    const method = this.#random.of(methods);
    const messages = Array.from({ length: method.requestStream ? this.#random.whole(0, 4) : 1 }, () =>
      grpcInput(this.#random, method, this.#messages),
    );
    // Of a stream whose later messages cannot be read grpc-js does not always tell the caller, when an answer to an earlier one
    // is on its way; the caller's own deadline ends it.
    const mayWait = WAITS.test(method.path) || (method.requestStream && !messages.every(readable(method)));
    const { code, details } = await sendGrpc(caller, method, messages, mayWait ? PATIENCE_MS : HANG_MS);
    this.#count(`gRPC ${status[code]}`);
    const named = `${method.path} ${messages.map((bytes) => bytes.toString('base64')).join(' ')}`;
    if (code === status.DEADLINE_EXCEEDED && !mayWait) this.#violations.push(`${named}: hangs`);
    // What grpc-js says of bytes that are no message of this kind.
    if (code === status.INTERNAL && /^Error deserializing request/.test(details)) return;
    if (code === status.INTERNAL || code === status.UNKNOWN || code === status.UNAVAILABLE)
      this.#violations.push(`${named}: ${status[code]} ${details}`);
  }

  /** The tasks that came of it are asked for from now on. */
  #learn(text: string): void {
    const id = /"task_id":"(\w+)"/.exec(text)?.[1];
    if (id === undefined) return;
    this.#ids.push(id);
    if (this.#ids.length > 50) this.#ids.shift();
  }

  #count(answer: string): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
  }

  async #worker(): Promise<{ pid: number }> {
    const { workers } = await this.#server.status();
    const worker = workers.find(({ worker: name }) => name === 'worker-1');
    if (!worker) throw new Error(`worker-1 is not there: ${JSON.stringify(workers)}`);
    return worker;
  }

  /** Nothing crashed, and what is in order is done. */
  async #checkWell(pid: number): Promise<void> {
    for (const id of await this.#unsettled()) await this.#http.ask(`/v1/tasks/${id}`, { method: 'DELETE' });
    const id = await this.#http.submit('(a, b) => a + b', [40, 2], { priority: 100 });
    const { status: code, text, body } = await this.#http.result(id);
    if (code !== 200 || body['result'] !== 42) this.#violations.push(`a task in order: ${code} ${text}`);
    const worker = await this.#worker();
    if (worker.pid !== pid)
      this.#violations.push(`the worker was replaced: ${this.#server.output.slice(-2_000)}`);
  }

  async #unsettled(): Promise<string[]> {
    const { body } = await this.#http.ask('/v1/tasks?state=pending&limit=1000');
    return ((body['tasks'] ?? []) as { task_id: string }[]).map(({ task_id: id }) => id);
  }

  /** What is alive in these processes once the garbage is collected, in bytes. */
  async #memory(pids: readonly number[]): Promise<number> {
    let sum = 0;
    for (const pid of pids) {
      const file = join(this.#memoryDir, String(pid));
      rmSync(file, { force: true });
      if (!isRunning(pid)) throw new Error(`process ${pid} has ended: ${this.#server.output.slice(-4_000)}`);
      process.kill(pid, 'SIGUSR2');
      await waitFor(`process ${pid} to collect its garbage`, () => existsSync(file));
      sum += Number(readFileSync(file, 'utf8'));
    }
    return sum;
  }
}

function readable({ requestDeserialize }: Method): (bytes: Buffer) => boolean {
  return (bytes) => {
    try {
      requestDeserialize(bytes);
      return true;
    } catch {
      return false;
    }
  };
}

/** Where the only slot of the pool listens. */
function slotAddress(sandbox: Sandbox): string {
  const folder = join(String(sandbox.env['XDG_RUNTIME_DIR']), 'offhand');
  const socket = readdirSync(folder).find((name) => name.endsWith('.sock'));
  if (socket === undefined) throw new Error(`no slot listens in ${folder}`);
  return `unix:${join(folder, socket)}`;
}
