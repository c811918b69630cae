import { JetStreamApiError, RetentionPolicy, StorageType, type ConsumerConfig, type JetStreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';

export interface StreamOptions {
  readonly subjects: readonly string[];
  /** `work`: a message leaves once acknowledged, and the stream itself answers nobody. `log`: it stays until its relay purges it. */
  readonly kind: 'work' | 'log';
  /** Copies in a cluster. Default 1. */
  readonly replicas?: number;
}

const STREAM_NOT_FOUND = 10059;
export const isMissing = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND;

/** Resolves to the moment of the stream's creation, which tells one incarnation from the next; creates it when asked to, else rejects when it is not there. */
export async function ensureStream(jsm: JetStreamManager, name: string, create?: StreamOptions): Promise<string> {
  try {
    const info = await jsm.streams.info(name);
    if (!create || sameSubjects(info.config.subjects, create.subjects)) return info.created;
    return (await jsm.streams.update(name, { ...info.config, subjects: [...create.subjects] })).created;
  } catch (error) {
    if (!create || !isMissing(error)) throw error;
    const { created } = await jsm.streams.add({
      name,
      subjects: [...create.subjects],
      retention: create.kind === 'work' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
      no_ack: create.kind === 'work',
      storage: StorageType.File,
      num_replicas: create.replicas ?? 1,
      duplicate_window: nanos(120_000),
    });
    return created;
  }
}

const sameSubjects = (held: readonly string[] = [], wanted: readonly string[]): boolean => [...held].sort().join() === [...wanted].sort().join();

const CONSUMER_EXISTS = 10148;

/**
 * Creates a durable, or does nothing when it is there as wanted. One that an earlier version of the service left behind is
 * brought up to date when `adapt` is set (at start; later on it is a newer instance that made it so, and it stays): other
 * limits are changed in place; one with another filter has passed over what is wanted now, so it is made anew and gets
 * everything that the stream still holds once more.
 */
export async function ensureConsumer(jsm: JetStreamManager, stream: string, { config, adapt }: { config: Partial<ConsumerConfig> & { durable_name: string }; adapt: boolean }): Promise<'as it was' | 'changed' | 'made anew'> {
  const name = config.durable_name;
  try {
    await jsm.consumers.add(stream, config);
    return 'as it was';
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error;
    if (!adapt) return 'as it was';
  }
  const { config: held } = await jsm.consumers.info(stream, name);
  if (held.filter_subject === config.filter_subject && !held.filter_subjects) {
    const { ack_wait, max_deliver, max_ack_pending } = config;
    await jsm.consumers.update(stream, name, { ack_wait, max_deliver, max_ack_pending } as Partial<ConsumerConfig>);
    return 'changed';
  }
  await jsm.consumers.delete(stream, name);
  await jsm.consumers.add(stream, config);
  return 'made anew';
}
