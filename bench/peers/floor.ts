import { once } from 'node:events';
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
} from '@grpc/grpc-js';
import { options, service, startServer } from './grpc.js';

interface Bytes {
  data: Buffer;
}
type EchoClient = Client & {
  chat(): ClientDuplexStream<Bytes, Bytes>;
  sink(done: () => void): ClientWritableStream<Bytes>;
  source(request: Bytes): ClientReadableStream<Bytes>;
};

const MIB = Buffer.alloc(1024 * 1024);
const TRANSFERS = 64;

/** What grpc-js itself does between two processes of this machine. */
export interface Floor {
  /** Latencies of single echoes, in µs. */
  singleUs: number[];
  /** Echoes per second with 64 under way. */
  windowedPerS: number;
  /** MiB/s, by direction and by the client's flow-control window. */
  inMibPerS: { default: number; wide: number };
  outMibPerS: { default: number; wide: number };
}

export async function measureFloor(): Promise<Floor> {
  const { child, address } = await startServer('echo-server');
  const Echo = service('echo.proto', 'Echo');
  const dial = (more = {}) =>
    new Echo(address, credentials.createInsecure(), options(more)) as unknown as EchoClient;
  const wide = dial({
    'grpc-node.flow_control_window': 64 * 1024 * 1024,
    'grpc.use_local_subchannel_pool': 1,
  });
  const plain = dial({ 'grpc.use_local_subchannel_pool': 1 });
  try {
    await singleEchoes(plain, 2_000); // Warm.
    const singleUs = await singleEchoes(plain, 3_000);
    const windowedPerS = await windowed(plain, 20_000, 64);
    const inMibPerS = { default: await pour(plain), wide: await pour(wide) };
    const outMibPerS = { default: await drink(plain), wide: await drink(wide) };
    return { singleUs, windowedPerS, inMibPerS, outMibPerS };
  } finally {
    plain.close();
    wide.close();
    child.kill();
  }
}

async function singleEchoes(client: EchoClient, count: number): Promise<number[]> {
  const chat = client.chat();
  const data = Buffer.alloc(32);
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    chat.write({ data });
    await once(chat, 'data');
    latencies.push((performance.now() - startedAt) * 1_000);
  }
  chat.end();
  return latencies;
}

async function windowed(client: EchoClient, count: number, window: number): Promise<number> {
  const chat = client.chat();
  const data = Buffer.alloc(32);
  let sent = 0;
  let received = 0;
  const say = () => {
    sent += 1;
    chat.write({ data });
  };
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    chat.on('data', () => {
      received += 1;
      if (sent < count) say();
      if (received === count) resolve();
    });
    while (sent < window) say();
  });
  chat.end();
  return count / ((performance.now() - startedAt) / 1_000);
}

async function pour(client: EchoClient): Promise<number> {
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    const stream = client.sink(resolve);
    void (async () => {
      for (let i = 0; i < TRANSFERS; i++) if (!stream.write({ data: MIB })) await once(stream, 'drain');
      stream.end();
    })().catch(reject);
  });
  return TRANSFERS / ((performance.now() - startedAt) / 1_000);
}

async function drink(client: EchoClient): Promise<number> {
  const startedAt = performance.now();
  const request = { data: Buffer.alloc(4) };
  request.data.writeUInt32LE(TRANSFERS);
  const stream = client.source(request);
  stream.on('data', () => undefined);
  await once(stream, 'end');
  return TRANSFERS / ((performance.now() - startedAt) / 1_000);
}
