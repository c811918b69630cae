import { simpleParser, type ParsedMail } from 'mailparser';

export interface ReceivedMail {
  /** Position in the order of arrival, from 1. */
  id: number;
  receivedAt: string;
  /** Envelope addresses: who was really written to. */
  envelopeFrom: string;
  envelopeTo: string[];
  /** With its angle brackets, as sent. */
  messageId: string;
  /** Decoded. */
  subject: string;
  to: string;
  from: string;
  /** All headers, names in lower case, unfolded; of a repeated one the last. */
  headers: Record<string, string>;
  /** `250`, or the failure that hid from the sender that the mail was kept. */
  answered: string;
}

export interface MailStore {
  add(mail: { raw: Buffer; envelopeFrom: string; envelopeTo: string[]; receivedAt: string; answered: string }): void;
  /** In order of arrival; `to` looks for one envelope address, without case. */
  list(filter?: { to?: string }): Promise<ReceivedMail[]>;
  /** The parsed mail, or undefined when unknown or when only its headers were kept. */
  open(id: number): Promise<ParsedMail | undefined>;
  raw(id: number): Buffer | undefined;
  count(): number;
  clear(): void;
}

interface Entry {
  head: Buffer;
  raw?: Buffer;
  mail: Omit<ReceivedMail, 'messageId' | 'subject' | 'to' | 'from' | 'headers'>;
  parsed?: ReceivedMail;
}

/** Keeps every mail's headers and the bodies of the newest `keepBodies`. Parsing waits until somebody looks. */
export function createMailStore(keepBodies: number): MailStore {
  const entries: Entry[] = [];
  return {
    add({ raw, ...envelope }) {
      const end = raw.indexOf('\r\n\r\n');
      // A copy: a slice would keep the whole mail in memory.
      const head = Buffer.from(end < 0 ? raw : raw.subarray(0, end + 4));
      entries.push({ head, raw, mail: { id: entries.length + 1, ...envelope } });
      const outgrown = entries[entries.length - 1 - keepBodies];
      if (outgrown) outgrown.raw = undefined;
    },
    async list({ to } = {}) {
      const wanted = to?.toLowerCase();
      const chosen = wanted ? entries.filter(({ mail }) => mail.envelopeTo.some((address) => address.toLowerCase() === wanted)) : entries;
      const mails: ReceivedMail[] = [];
      for (const entry of chosen) mails.push(entry.parsed ??= await readHead(entry));
      return mails;
    },
    open: async (id) => {
      const raw = entries[id - 1]?.raw;
      return raw && simpleParser(raw);
    },
    raw: (id) => entries[id - 1]?.raw,
    count: () => entries.length,
    clear: () => { entries.length = 0; },
  };
}

async function readHead({ head, mail }: Entry): Promise<ReceivedMail> {
  const parsed = await simpleParser(head);
  const headers = Object.fromEntries(parsed.headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(':') + 1).replaceAll(/\r?\n\s+/g, ' ').trim()]));
  return {
    ...mail, headers,
    messageId: headers['message-id'] ?? '',
    subject: parsed.subject ?? '',
    from: parsed.from?.text ?? '',
    to: [parsed.to ?? []].flat().map(({ text }) => text).join(', '),
  };
}
