export type Status = 'accepted' | 'queued' | 'sent' | 'delivered' | 'read' | 'failed' | 'undelivered';

/** A message that the simulator accepted: the ground truth of what borrowers received. */
export interface AcceptedMessage {
  sid: string;
  /** Position in the order of acceptance, from 1. */
  sequence: number;
  acceptedAt: string;
  /** E.164, without `whatsapp:`. */
  to: string;
  from: string;
  /** The free text, or the template with its variables filled in where its text is known. */
  body: string;
  contentSid?: string;
  contentVariables?: Record<string, string>;
  messagingServiceSid?: string;
  statusCallback?: string;
  validityPeriodSeconds?: number;
  status: Status;
  errorCode?: number;
  /** Every status with its time. */
  history: { status: Status; at: string }[];
  /** What the caller got to know: `201`, or the fault that swallowed the answer. */
  answered: string;
}

export interface ListFilter {
  to?: string;
  from?: string;
  /** Inclusive bounds in milliseconds since 1970, compared by the second as Twilio stores them. */
  sentFrom?: number;
  sentUntil?: number;
  /** Only messages accepted before this one. */
  beforeSequence?: number;
}

export interface MessageStore {
  add(message: Omit<AcceptedMessage, 'sequence' | 'history'>): AcceptedMessage;
  find(sid: string): AcceptedMessage | undefined;
  /** In order of acceptance. */
  all(): readonly AcceptedMessage[];
  /** Newest first, at most `limit`. */
  list(filter: ListFilter, limit: number): AcceptedMessage[];
  clear(): void;
}

export function createMessageStore(): MessageStore {
  const all: AcceptedMessage[] = [];
  const bySid = new Map<string, AcceptedMessage>();
  const byRecipient = new Map<string, AcceptedMessage[]>();
  return {
    add(fields) {
      const message: AcceptedMessage = { ...fields, sequence: all.length + 1, history: [{ status: fields.status, at: fields.acceptedAt }] };
      all.push(message);
      bySid.set(message.sid, message);
      const forRecipient = byRecipient.get(message.to);
      if (forRecipient) forRecipient.push(message);
      else byRecipient.set(message.to, [message]);
      return message;
    },
    find: (sid) => bySid.get(sid),
    all: () => all,
    list(filter, limit) {
      const candidates = filter.to === undefined ? all : byRecipient.get(filter.to) ?? [];
      const found: AcceptedMessage[] = [];
      for (let index = candidates.length - 1; index >= 0 && found.length < limit; index -= 1) {
        const message = candidates[index];
        if (message && matches(message, filter)) found.push(message);
      }
      return found;
    },
    clear() {
      all.length = 0;
      bySid.clear();
      byRecipient.clear();
    },
  };
}

function matches(message: AcceptedMessage, { from, sentFrom, sentUntil, beforeSequence }: ListFilter): boolean {
  const sent = wholeSeconds(Date.parse(message.acceptedAt));
  return (from === undefined || message.from === from)
    && (sentFrom === undefined || sent >= wholeSeconds(sentFrom))
    && (sentUntil === undefined || sent <= wholeSeconds(sentUntil))
    && (beforeSequence === undefined || message.sequence < beforeSequence);
}

const wholeSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** The message as Twilio's REST API shows it. */
export function toTwilioJson(message: AcceptedMessage, accountSid: string): Record<string, unknown> {
  const uri = `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}`;
  return {
    account_sid: accountSid, api_version: '2010-04-01', body: message.body, direction: 'outbound-api',
    date_created: rfc2822(message.acceptedAt), date_sent: rfc2822(message.acceptedAt), date_updated: rfc2822(message.history.at(-1)?.at ?? message.acceptedAt),
    error_code: message.errorCode ?? null, error_message: message.errorCode ? `Error ${message.errorCode}` : null,
    from: `whatsapp:${message.from}`, to: `whatsapp:${message.to}`,
    messaging_service_sid: message.messagingServiceSid ?? null, num_media: '0', num_segments: '1', price: null, price_unit: null,
    sid: message.sid, status: message.status, subresource_uris: { media: `${uri}/Media.json` }, uri: `${uri}.json`,
  };
}

const rfc2822 = (iso: string): string => new Date(iso).toUTCString().replace('GMT', '+0000');
