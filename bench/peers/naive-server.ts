// The naive pool's processes: `coordinator ADDRESS…` hands out the workers, `worker` runs what it is sent.
import { deserialize, serialize } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { type sendUnaryData, Server, type ServerUnaryCall } from '@grpc/grpc-js';
import { listen, options, service } from './grpc.js';

type Call<Req, Res> = (call: ServerUnaryCall<Req, Res>, respond: sendUnaryData<Res>) => void;
interface Place {
  address: string;
}

process.on('disconnect', () => process.exit());
const [role, ...addresses] = process.argv.slice(2);
const free = [...addresses];
const waiting: sendUnaryData<Place>[] = [];
const functions = new Map<string, (...args: unknown[]) => unknown>();

const Acquire: Call<object, Place> = (_call, respond) => {
  const address = free.shift();
  if (address) respond(null, { address });
  else waiting.push(respond);
};
const Release: Call<Place, object> = (call, respond) => {
  const next = waiting.shift();
  if (next) next(null, call.request);
  else free.push(call.request.address);
  respond(null, {});
};
const Run: Call<{ source: string; arguments: Buffer }, { value: Buffer }> = (call, respond) => {
  const { source } = call.request;
  let fn = functions.get(source);
  if (!fn) {
    fn = runInThisContext(`(${source})`) as (...args: unknown[]) => unknown;
    functions.set(source, fn);
  }
  const run = async () => serialize(await fn(...(deserialize(call.request.arguments) as unknown[])));
  void run().then((value) => respond(null, { value }));
};

const server = new Server(options());
const refuse = (_call: unknown, respond: sendUnaryData<never>) => respond(new Error(`not a ${role}'s`));
server.addService(
  service('naive.proto', 'Naive').service,
  role === 'worker' ? { Run, Acquire: refuse, Release: refuse } : { Acquire, Release, Run: refuse },
);
const port = await listen(server);
process.send?.(`127.0.0.1:${port}`);
