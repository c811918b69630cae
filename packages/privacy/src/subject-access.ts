import type { EventStore, RecordedEvent } from '@rappel/event-store';
import { borrowerIn } from './dead-letters.ts';
import type { Vault } from './port.ts';
import { everything } from './retention.ts';

/** The part of the dead letters that is read here; `createDeadLetters` of `@rappel/messaging` fits. */
export interface ReadableDeadLetters {
  list(filter: { after?: string; limit?: number }): Promise<{ letters: readonly { id: string }[]; next?: string }>;
  show(id: string): Promise<{ id: string; subject: string; reason: string; at: string; payload: Uint8Array } | undefined>;
}

export interface SubjectAccessOptions {
  readonly store: Pick<EventStore, 'readAll' | 'readStream'>;
  readonly vault: Pick<Vault, 'open'>;
  readonly deadLetters: ReadableDeadLetters;
  /** UTC ISO: when it was asked for. */
  readonly at: string;
}

export interface SubjectAccessFile {
  readonly subject: string;
  readonly at: string;
  readonly explanation: string;
  /** Stream → its events, with the personal fields in clear (`erased` where the key is gone). */
  readonly streams: Readonly<Record<string, readonly object[]>>;
  readonly deadLetters: readonly object[];
}

const explanation = 'Everything Rappel holds about one borrower. Every table, report and message on the bus is made of these events and holds '
  + 'nothing else. No message body is stored. Dead letters are messages of upstream systems that could not be understood.';

interface Mentions { readonly borrowerId?: string; readonly loan?: { readonly borrowerId?: string }; readonly loans?: readonly { readonly borrowerId?: string }[] }

function mentions({ data, personal }: RecordedEvent, subject: string): boolean {
  const { borrowerId, loan, loans } = data as Mentions;
  return personal?.subject === subject || borrowerId === subject || loan?.borrowerId === subject || (Array.isArray(loans) && loans.some((one) => one.borrowerId === subject));
}

/** Everything held about one person, in clear, as one JSON file. Reads the whole store: seconds per million events. */
export async function subjectAccessFile(subject: string, { store, vault, deadLetters, at }: SubjectAccessOptions): Promise<SubjectAccessFile> {
  const names = new Set<string>();
  for await (const event of everything(store)) if (mentions(event, subject)) names.add(event.stream);
  const streams = await Promise.all([...names].sort().map(async (name) => [name, await opened(name, subject, { store, vault })] as const));
  return { subject, at, explanation, streams: Object.fromEntries(streams), deadLetters: await lettersAbout(subject, deadLetters) };
}

/** A stream that is about the person from its first event on; of any other (what operators did on a day) only the events about them. */
async function opened(stream: string, subject: string, { store, vault }: Pick<SubjectAccessOptions, 'store' | 'vault'>): Promise<object[]> {
  const events = await store.readStream(stream);
  const theirs = events.filter((event) => mentions(events[0]!, subject) || mentions(event, subject));
  return Promise.all(theirs.map(async ({ id, type, data, metadata, recordedAt, personal }) => ({
    id, type, recordedAt, data, metadata, ...(personal && { personal: await vault.open(personal) }),
  })));
}

/** By the borrower it names; where none can be made out, by an id that is written in it. */
function isAbout(payload: Uint8Array, subject: string): boolean {
  const named = borrowerIn(payload);
  if (named !== undefined) return named === subject;
  return [...new TextDecoder().decode(payload).matchAll(/"(?:id|borrowerId)"\s*:\s*"([^"]*)"/g)].some(([, id]) => id === subject);
}

async function lettersAbout(subject: string, deadLetters: ReadableDeadLetters): Promise<object[]> {
  const found: object[] = [];
  for (let after: string | undefined; ;) {
    const { letters, next } = await deadLetters.list({ limit: 200, ...(after !== undefined && { after }) });
    for (const { id } of letters) {
      const letter = await deadLetters.show(id);
      if (!letter || !isAbout(letter.payload, subject)) continue;
      const payload = new TextDecoder().decode(letter.payload);
      found.push({ id, subject: letter.subject, reason: letter.reason, at: letter.at, payload });
    }
    if (next === undefined) return found;
    after = next;
  }
}
