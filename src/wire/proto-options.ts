import { fileURLToPath } from 'node:url';
import type { Options } from '@grpc/proto-loader';

// The same options are given to the type generator in package.json: the types are true only while they agree.
export const PROTO_OPTIONS: Options = {
  longs: Number,
  enums: String,
  bytes: Buffer,
  defaults: true,
  oneofs: true,
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
};
