import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import { START, type Checkpoint, type EventStore } from '@rappel/event-store';
import type { Log } from './port.ts';
import type { RelayMemory, RelayState } from './relay-state.ts';
import { ensureStream, type StreamOptions } from './streams.ts';

const LOOK_BACK = 1000;

export interface ResumeOptions {
  readonly jsm: JetStreamManager;
  readonly store: Pick<EventStore, 'head'>;
  readonly memory: RelayMemory;
  readonly stream: string;
  readonly create: StreamOptions;
  readonly consumers: readonly string[];
  readonly log: Log;
}

export interface Resume {
  /** Publish what follows this. */
  readonly after: Checkpoint;
  /** The stream's last sequence, which the first publication insists on. */
  readonly lastSeq: number;
  readonly created: string;
  /** The stream holds less than was acknowledged. */
  readonly rewound: boolean;
  /** To be saved before anything is published, so that a crash finds an ordinary stream with too little in it. */
  readonly remember?: Partial<RelayState>;
}

/**
 * Where to go on (only looks, changes no memory), from what the stream really holds. A new stream: from `settled`, for nobody needs what lies before. The same
 * stream: from its last message, or from the checkpoint when nothing is missing at its end.
 */
export async function findResume(options: ResumeOptions): Promise<Resume> {
  const { jsm, memory, stream } = options;
  await ensureStream(jsm, stream, options.create);
  const info = await jsm.streams.info(stream);
  return info.created === memory.state().created ? resumeSame(options, info) : resumeNew(options, info);
}

function resumeNew({ memory, stream, log }: ResumeOptions, { created, state: { last_seq: lastSeq } }: StreamInfo): Resume {
  const saved = memory.state();
  const rewound = saved.created !== undefined;
  if (rewound) log.warn({ stream, from: saved.checkpoint, backTo: saved.settled }, 'the stream is a new one: publishing again what was not settled');
  return { after: saved.settled, lastSeq, created, rewound, remember: { created, checkpoint: saved.settled, lastSeq: 0 } };
}

async function resumeSame(options: ResumeOptions, info: StreamInfo): Promise<Resume> {
  const { memory, stream, log } = options;
  const { created, state: { last_seq: lastSeq } } = info;
  const saved = memory.state();
  const last = await lastPosition(options, info);
  const complete = last.untouched && lastSeq >= saved.lastSeq;
  if (!complete) await dropConsumersAhead(options, lastSeq);
  const position = last.position ?? (saved.lastSeq === 0 ? saved.checkpoint : saved.settled);
  const after = await withinStore(options, complete && saved.checkpoint > position ? saved.checkpoint : position);
  const rewound = after < saved.checkpoint;
  if (rewound) log.warn({ stream, from: saved.checkpoint, backTo: after }, 'the stream has lost its end: publishing it again');
  return { after, lastSeq, created, rewound, ...((rewound || !complete) && { remember: { checkpoint: after, lastSeq } }) };
}

/** Position of the last message that a relay published. `untouched` = it is where the stream's last sequence says. */
async function lastPosition({ jsm, stream }: ResumeOptions, { state }: StreamInfo): Promise<{ position?: Checkpoint; untouched: boolean }> {
  const lowest = Math.max(state.first_seq, state.last_seq - LOOK_BACK, 1);
  let untouched = true;
  for (let seq = state.last_seq; seq >= lowest; seq--) {
    const message = await messageAt(jsm, stream, seq);
    // An operator's retry of a dead letter has no position.
    const position = message?.header.get('rappel-position');
    if (position) return { position, untouched };
    if (!message) untouched = false;
  }
  return { untouched: state.last_seq === 0 };
}

export const messageAt = (jsm: JetStreamManager, stream: string, seq: number) => jsm.streams.getMessage(stream, { seq }).catch((error: { code?: unknown }) => {
  if (error.code === 10037) return null;
  throw error;
});

/** A consumer that remembers more than the stream holds would pass over what is published now under the lost sequences. */
async function dropConsumersAhead({ jsm, stream, consumers, log }: ResumeOptions, lastSeq: number): Promise<void> {
  for (const consumer of consumers) {
    const info = await jsm.consumers.info(stream, consumer).catch(() => undefined);
    if (!info || info.delivered.stream_seq <= lastSeq) continue;
    log.warn({ stream, consumer, delivered: info.delivered.stream_seq, lastSeq }, 'consumer is ahead of its stream: it starts over');
    await jsm.consumers.delete(stream, consumer);
  }
}

/** A store restored from an older copy ends before what was published from it; the memory beside it is as old. */
async function withinStore({ store, memory, stream, log }: ResumeOptions, position: Checkpoint): Promise<Checkpoint> {
  if (position === START) return position;
  const head = await store.head();
  if (position <= head) return position;
  log.error({ stream, position, head }, 'the store ends before what was published from it: was it restored from an older copy?');
  const { checkpoint } = memory.state();
  return checkpoint < head ? checkpoint : head;
}
