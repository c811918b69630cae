import { JetStreamApiError, RetentionPolicy, StorageType, type JetStreamManager } from '@nats-io/jetstream';
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
