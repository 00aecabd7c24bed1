import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type ChannelOptions,
  type Server,
  ServerCredentials,
  type ServiceClientConstructor,
  loadPackageDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const LIMITS: ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_channelz': 0,
  'grpc.enable_http_proxy': 0,
};

export const options = (more: ChannelOptions = {}): ChannelOptions => ({ ...LIMITS, ...more });

/** A service of one of the .proto files here. */
export function service(file: string, name: string): ServiceClientConstructor {
  return loadPackageDefinition(loadSync(`bench/peers/${file}`))[name] as ServiceClientConstructor;
}

/** Listens on any port of loopback. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

/** Starts one of the server processes here; it ends with this process. */
export async function startServer(
  name: string,
  args: string[] = [],
): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(fileURLToPath(new URL(`./${name}.mjs`, import.meta.url)), args);
  const [address] = (await once(child, 'message')) as [string];
  return { child, address };
}
