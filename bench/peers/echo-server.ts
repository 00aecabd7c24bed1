// The other end of the floor: says what it hears, swallows, or pours.
import {
  type sendUnaryData,
  Server,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { listen, options, service } from './grpc.js';

interface Bytes {
  data: Buffer;
}

process.on('disconnect', () => process.exit());
const server = new Server(options());
server.addService(service('echo.proto', 'Echo').service, {
  Chat(stream: ServerDuplexStream<Bytes, Bytes>) {
    stream.on('data', (bytes: Bytes) => stream.write(bytes));
    stream.on('end', () => stream.end());
  },
  Sink(stream: ServerReadableStream<Bytes, Bytes>, respond: sendUnaryData<Bytes>) {
    stream.on('data', () => undefined);
    stream.on('end', () => respond(null, { data: Buffer.alloc(0) }));
  },
  Source(stream: ServerWritableStream<Bytes, Bytes>) {
    const mebibyte = { data: Buffer.alloc(1024 * 1024) };
    let left = stream.request.data.readUInt32LE();
    const pour = () => {
      while (left > 0) {
        left -= 1;
        if (!stream.write(mebibyte)) return void stream.once('drain', pour);
      }
      stream.end();
    };
    pour();
  },
});
const port = await listen(server);
process.send?.(`127.0.0.1:${port}`);
