import { createInbox, MsgHdrsImpl, type NatsConnection } from '@nats-io/nats-core';
import type { Checkpoint } from '@rappel/event-store';
import { writeEnvelope } from './envelope.ts';
import type { Announcement } from './port.ts';

/** The stream did not take a message as expected: find out what it holds and go on from there. */
export class RelayInterrupted extends Error {
  override readonly name = 'RelayInterrupted';
  readonly code = 'relay-interrupted';
}

export interface Publication {
  /** Of the stored event; the message's id. */
  readonly id: string;
  readonly position: Checkpoint;
  readonly announcement: Announcement;
}

export interface Window {
  /** Sends one message; resolves at once unless as many as allowed are unacknowledged. Rejects once interrupted. */
  publish(publication: Publication): Promise<void> | undefined;
  /** Everything up to here has been published or needs no publication. */
  mark(position: Checkpoint): void;
  /** Position and stream sequence up to which everything is acknowledged. */
  acknowledged(): { position: Checkpoint; seq: number };
  inFlight(): number;
  readonly counts: { published: number; duplicates: number };
  interrupt(why: string, cause?: unknown): void;
  close(): void;
}

export interface WindowOptions {
  readonly bus: NatsConnection;
  readonly size: number;
  readonly after: Checkpoint;
  readonly lastSeq: number;
  /** An acknowledgement that takes longer counts as lost. */
  readonly ackWithinMs: number;
  /** Called once, when the window can take no more. */
  readonly onInterrupt: (error: RelayInterrupted) => void;
}

interface Entry { readonly position: Checkpoint; readonly sentAt: number; done: boolean }

/**
 * Publishes without waiting for each acknowledgement, and still in order: every message names its predecessor
 * (`Nats-Expected-Last-Msg-Id`), so that one lost on the way takes all that follow with it and none gets past it.
 */
export function createWindow({ bus, size, after, lastSeq, ackWithinMs, onInterrupt }: WindowOptions): Window {
  const inbox = createInbox((bus as { options?: { inboxPrefix?: string } }).options?.inboxPrefix);
  const entries = new Map<number, Entry>();
  const counts = { published: 0, duplicates: 0 };
  let next = 0;
  let oldest = 0;
  let unacknowledged = 0;
  let reached = { position: after, seq: lastSeq };
  let previousId: string | undefined;
  let interrupted: RelayInterrupted | undefined;
  let room: { resolve: () => void; reject: (error: Error) => void } | undefined;

  const interrupt = (why: string, cause?: unknown) => {
    if (interrupted) return;
    interrupted = new RelayInterrupted(why, { cause });
    room?.reject(interrupted);
    onInterrupt(interrupted);
  };
  const advance = () => {
    for (let entry = entries.get(oldest); entry?.done; entry = entries.get(oldest)) {
      reached = { position: entry.position, seq: reached.seq };
      entries.delete(oldest++);
    }
    if (room && unacknowledged < size) {
      room.resolve();
      room = undefined;
    }
  };
  const add = (position: Checkpoint, done: boolean): number => {
    entries.set(next, { position, sentAt: Date.now(), done });
    return next++;
  };
  const subscription = bus.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error || interrupted) return interrupt(error?.message ?? '');
      const entry = entries.get(Number(message.subject.slice(inbox.length + 1)));
      if (!entry || entry.done) return undefined;
      const answer = message.string();
      const refusal = refused(answer, message.headers?.code);
      if (refusal) return interrupt(refusal);
      const { seq, duplicate } = JSON.parse(answer) as { seq: number; duplicate?: boolean };
      counts[duplicate ? 'duplicates' : 'published']++;
      reached = { position: reached.position, seq: Math.max(reached.seq, seq) };
      entry.done = true;
      unacknowledged--;
      return advance();
    },
  });
  const watch = setInterval(() => {
    const first = entries.get(oldest);
    if (first && Date.now() - first.sentAt > ackWithinMs) interrupt('no acknowledgement in time');
  }, Math.min(1000, ackWithinMs / 2));
  watch.unref();

  return {
    publish: ({ id, position, announcement }) => {
      if (interrupted) return Promise.reject(interrupted);
      const { headers, payload } = writeEnvelope(announcement.event);
      const record: Record<string, string[]> = { 'Nats-Msg-Id': [id], 'rappel-position': [position] };
      if (previousId === undefined) record['Nats-Expected-Last-Sequence'] = [String(lastSeq)];
      else record['Nats-Expected-Last-Msg-Id'] = [previousId];
      for (const name in headers) record[name] = [headers[name]!];
      previousId = id;
      unacknowledged++;
      bus.publish(announcement.subject, payload, { headers: MsgHdrsImpl.fromRecord(record), reply: `${inbox}.${add(position, false)}` });
      if (unacknowledged < size) return undefined;
      return new Promise((resolve, reject) => { room = { resolve, reject }; });
    },
    mark: (position) => {
      add(position, true);
      advance();
    },
    acknowledged: () => reached,
    inFlight: () => unacknowledged,
    counts, interrupt,
    close: () => {
      interrupt('closed');
      clearInterval(watch);
      if (!bus.isClosed()) subscription.unsubscribe();
    },
  };
}

function refused(text: string, code: number | undefined): string | undefined {
  if (code === 503) return 'nobody keeps this subject';
  if (!text.startsWith('{')) return 'an answer that is not an acknowledgement';
  return text.includes('"error"') ? `the stream refused a message: ${text.slice(0, 300)}` : undefined;
}
