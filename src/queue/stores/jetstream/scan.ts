import type { JsMsg } from '@nats-io/jetstream';
import type { ClusterConnection } from '../../../cluster/connection.js';

/** Messages of one portion. */
const PORTION = 500;

/** All messages with such a subject that are in a stream by now, oldest first. */
export async function* scan(
  { jetstream }: ClusterConnection,
  stream: string,
  subjects: string,
): AsyncIterable<JsMsg[]> {
  const consumer = await jetstream.consumers.get(stream, { filter_subjects: subjects });
  if ((await consumer.info()).num_pending === 0) return;
  const messages = await consumer.consume({ max_messages: PORTION });
  let portion: JsMsg[] = [];
  for await (const message of messages) {
    portion.push(message);
    const isLast = message.info.pending === 0;
    if (isLast || portion.length >= PORTION) {
      yield portion;
      portion = [];
    }
    if (isLast) break;
  }
}
