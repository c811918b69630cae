import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { Checkpoint } from '@rappel/event-store';
import { messageAt } from './relay-position.ts';
import { standingOf } from './standing.ts';

const CONSUMER_NOT_FOUND = 10014;

export interface SettleOptions {
  readonly jsm: JetStreamManager;
  readonly stream: string;
  readonly consumers: readonly string[];
  /** As `consumers`, where they are there. */
  readonly neighbours?: readonly string[];
  /** Everything up to here was in the stream before this was called. */
  readonly acknowledged: Checkpoint;
}

export interface Settled {
  readonly created: string;
  /** Every consumer has acknowledged what the store holds up to here. Absent: not known to be further than before. */
  readonly position?: Checkpoint;
  /** Messages below this sequence are needed by nobody; absent when there are none. */
  readonly purgeBelow?: number;
}

/** How far every consumer has got. A consumer that is not there has acknowledged nothing; a neighbour that is not there wants nothing. */
export async function findSettled({ jsm, stream, consumers, neighbours = [], acknowledged }: SettleOptions): Promise<Settled> {
  const { created, state: { last_seq: lastSeq, first_seq: firstSeq } } = await jsm.streams.info(stream);
  // Looked at after the stream: who has nothing to do then has done all that it held.
  const floors = await Promise.all([
    ...consumers.map((consumer) => floorOf(jsm, { stream, consumer, lastSeq, absent: 0 })),
    ...neighbours.map((consumer) => floorOf(jsm, { stream, consumer, lastSeq, absent: lastSeq })),
  ]);
  const floor = Math.min(lastSeq, ...floors);
  // The last message tells the relay after a restart where it was, so it stays.
  const below = Math.min(floor + 1, lastSeq);
  const purge = below > firstSeq ? { purgeBelow: below } : {};
  if (floor === lastSeq) return { created, position: acknowledged, ...purge };
  const message = floor < firstSeq ? undefined : await messageAt(jsm, stream, floor);
  const position = message?.header.get('rappel-position');
  return { created, ...purge, ...(position && { position }) };
}

interface Asked { readonly stream: string; readonly consumer: string; readonly lastSeq: number; readonly absent: number }

async function floorOf(jsm: JetStreamManager, { stream, consumer, lastSeq, absent }: Asked): Promise<number> {
  try {
    const { floor, outstanding } = await standingOf(jsm, stream, consumer);
    return outstanding === 0 ? lastSeq : floor;
  } catch (error) {
    return error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND ? absent : 0;
  }
}
