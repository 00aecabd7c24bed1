import type { ChannelOptions } from '@grpc/grpc-js';
import { MAX_SOURCE_BYTES, maxValueBytes, MOST_VALUE_BYTES } from './values/size-limit.js';

/**
 * Largest message either side takes, in bytes: the largest value that anybody may set, and what goes with it, which is a
 * function's source, or what a function threw in words. Whoever writes a message sees to it that it is no larger: one that is
 * breaks its stream.
 */
const MAX_MESSAGE_BYTES = MOST_VALUE_BYTES + 2 * MAX_SOURCE_BYTES;

const COMMON: ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.enable_channelz': 0,
};

/** What is too large for this process is refused before it is read. */
export function serverOptions(): ChannelOptions {
  return { ...COMMON, 'grpc.max_receive_message_length': maxValueBytes() + 2 * MAX_SOURCE_BYTES };
}

export const CLIENT_OPTIONS: ChannelOptions = {
  ...COMMON,
  // A proxy from the environment is for the internet, not for a pool.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // What may be on its way to us unasked: grpc-js lets only the client's side of a connection open this window, and with
  // it open large values come in more than twice as fast (bench/NOTES.md).
  'grpc-node.flow_control_window': 64 * 1024 * 1024,
  // One connection per peer and owner: pools of one process do not share theirs, so closing one is closing it.
  'grpc.use_local_subchannel_pool': 1,
};

/**
 * To a coordinator that may come back. Whoever waits for it dials several times a second, and grpc-js does not even try
 * before its own backoff is over: it must not take longer than that.
 */
export const COORDINATOR_OPTIONS: ChannelOptions = {
  ...CLIENT_OPTIONS,
  'grpc.max_reconnect_backoff_ms': 200,
};
