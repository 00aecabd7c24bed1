import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

// The wire as a program in another language sees it: proto/ alone, with the names that stand there.

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url));

export type Method = MethodDefinition<object, object>;
export type Service = Record<string, Method>;

const definition = loadSync(
  [
    'offhand/v1/coordinator.proto',
    'offhand/v1/worker.proto',
    'offhand/v1/discovery.proto',
    'offhand/v1/queue.proto',
  ],
  {
    keepCase: true,
    longs: Number,
    enums: String,
    bytes: Buffer,
    defaults: true,
    oneofs: true,
    includeDirs: [PROTO],
  },
);

export { definition as PROTO_DEFINITION };

const DISCOVERY_NAME = 'offhand.v1.Discovery';

/** Every service of the contract by its full name, whatever its name; all of them want the token. */
export const SERVICES = new Map<string, Service>(
  Object.entries(definition).flatMap(([name, item]) =>
    'format' in item || name === DISCOVERY_NAME ? [] : [[name, item as unknown as Service]],
  ),
);
export const COORDINATOR = serviceNamed('offhand.v1.Coordinator');
export const WORKER = serviceNamed('offhand.v1.Worker');
/** The one that wants none: its calls show that they know it. */
export const DISCOVERY = definition[DISCOVERY_NAME] as unknown as Service;

/** The service of a .proto file that another package brings. */
export function loadService(includeDir: string, file: string, name: string): Service {
  const loaded = loadSync(join(includeDir, file), { includeDirs: [includeDir], enums: String });
  return loaded[name] as unknown as Service;
}

function serviceNamed(name: string): Service {
  const service = SERVICES.get(name);
  if (!service) throw new Error(`proto/ has no service ${name}`);
  return service;
}

export interface Lease {
  lease_id: string;
  worker_id: string;
  worker: string;
  host: string;
  port: number;
}

export interface Failure {
  code: string;
  message: string;
  name: string;
  stack: string;
  may_have_run: boolean;
}

export interface RunCodeResponse {
  result?: { encoding: string; data: Buffer };
  failure?: Failure;
  run_ms: number;
}

export interface WorkerState {
  worker: string;
  host: string;
  port: number;
  pid: number;
  phase: string;
  slots: number;
  busy: boolean;
  tasks: { task_id: string; name: string; running_ms: number; remaining_ms?: number | null }[];
  completed: number;
  failed: number;
}

export interface StatusDocument {
  workers: WorkerState[];
  queue: { pending: number; tasks: object[] };
  policy: string;
}

export interface CallerOptions {
  token?: string | undefined;
  clientId?: string | undefined;
  /** What a server with TLS is trusted by, as PEM. */
  ca?: string | undefined;
}

export interface CallOptions {
  /** @default 15_000 */
  deadlineMs?: number;
  signal?: AbortSignal;
}

/** A connection of its own to one service. Calls reject with grpc-js's ServiceError. */
export class Caller {
  readonly #client: Client;
  readonly #service: Service;
  readonly #options: CallerOptions;

  constructor(address: string, service: Service, options: CallerOptions = {}) {
    const { ca } = options;
    const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    this.#client = new Client(address, channel, {
      'grpc.use_local_subchannel_pool': 1,
      // Node warns of an IP address as a name of TLS.
      ...(ca === undefined ? {} : { 'grpc.ssl_target_name_override': 'localhost' }),
      'grpc.enable_http_proxy': 0,
    });
    this.#service = service;
    this.#options = options;
  }

  get client(): Client {
    return this.#client;
  }

  get metadata(): Metadata {
    const metadata = new Metadata();
    const { token, clientId } = this.#options;
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    if (clientId !== undefined) metadata.set('client-id', clientId);
    return metadata;
  }

  unary<T>(
    name: string,
    request: object = {},
    { deadlineMs = 15_000, signal }: CallOptions = {},
  ): Promise<T> {
    const method = this.#service[name];
    if (!method) throw new Error(`no method ${name}`);
    return new Promise((resolve, reject) => {
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        this.metadata,
        { deadline: Date.now() + deadlineMs },
        (error: ServiceError | null, response?: object) => {
          if (error) reject(error);
          else resolve(response as T);
        },
      );
      signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  findFreeWorker(options?: CallOptions): Promise<Lease> {
    return this.unary('FindFreeWorker', {}, options);
  }

  async freeWorker(lease: Pick<Lease, 'lease_id'>): Promise<void> {
    await this.unary('FreeWorker', { lease_id: lease.lease_id });
  }

  status(): Promise<StatusDocument> {
    return this.unary('GetStatus');
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** A RunCode request with JSON arguments. */
export function codeRequest(lease: { lease_id: string }, source: string, args: unknown[] = []): object {
  return { lease_id: lease.lease_id, source, arguments: jsonPayload(args) };
}

export function jsonPayload(value: unknown): object {
  return { encoding: 'JSON', data: Buffer.from(JSON.stringify(value)) };
}

/** Runs a function under a lease, on the worker it is for. */
export async function runCode(
  token: string,
  lease: Lease,
  request: object,
  options?: CallOptions,
): Promise<RunCodeResponse> {
  using worker = new Caller(`${lease.host}:${lease.port}`, WORKER, { token });
  return await worker.unary<RunCodeResponse>('RunCode', request, options);
}

/** The value that a call came back with. @throws Error when it failed. */
export function resultOf(response: RunCodeResponse): unknown {
  if (!response.result) throw new Error(`the call failed: ${JSON.stringify(response.failure)}`);
  return JSON.parse(response.result.data.toString()) as unknown;
}
