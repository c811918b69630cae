import { JetStreamApiError, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream';

export interface Standing {
  /** Stream sequence up to which it has acknowledged whatever was for it. */
  readonly floor: number;
  /** Messages for it that it has not acknowledged. 0 only when it had them all. */
  readonly outstanding: number;
}

const NO_MESSAGE_FOUND = 10037;

/**
 * Where a durable consumer stands. The server's `num_pending` is counted after the stream has taken a message (seen at 0 in 13 of
 * 5,875 looks at a stream that held some, nats-server 2.10.27), so "nothing pending" is believed only when the last message that is
 * for it lies below its acknowledgement floor. Rejects with a `JetStreamApiError` when it is not there.
 */
export async function standingOf(jsm: JetStreamManager, stream: string, consumer: string): Promise<Standing> {
  const { ack_floor: { stream_seq: floor }, num_pending, num_ack_pending, config } = await jsm.consumers.info(stream, consumer);
  const counted = num_pending + num_ack_pending;
  if (counted > 0) return { floor, outstanding: counted };
  const last = await Promise.all(filtersOf(config).map((subject) => lastOf(jsm, stream, subject)));
  return { floor, outstanding: Math.max(...last) > floor ? 1 : 0 };
}

const filtersOf = ({ filter_subject: one, filter_subjects: several }: ConsumerConfig): readonly string[] => several ?? [one || '>'];

/** Sequence of the last message of a subject that the stream holds; 0 when it holds none. */
async function lastOf(jsm: JetStreamManager, stream: string, subject: string): Promise<number> {
  try {
    return (await jsm.streams.getMessage(stream, { last_by_subj: subject }))?.seq ?? 0;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NO_MESSAGE_FOUND) return 0;
    throw error;
  }
}
