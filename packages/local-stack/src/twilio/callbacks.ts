import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Behaviour, Settings } from './behaviour.ts';
import type { AcceptedMessage, Status } from './messages.ts';

export interface SentCallback {
  sid: string;
  status: Status;
  url: string;
  at: string;
  /** HTTP status of the receiver, or the connection error after the last attempt. */
  answer: string;
}

export interface CallbackSender {
  /** Lets the message grow through its statuses, telling each to the message's callback URL. */
  follow(message: AcceptedMessage, behaviour: Behaviour): void;
  /** Sends one callback now, whatever the message's state. */
  send(message: AcceptedMessage, status: Status, errorCode?: number): Promise<SentCallback>;
  sent(): readonly SentCallback[];
  /** Nothing more is sent for earlier messages. */
  clear(): void;
  close(): void;
}

interface Dependencies {
  accountSid: string;
  authToken: string;
  settings: () => Settings;
  random: () => number;
  now: () => Date;
}

export function createCallbackSender({ accountSid, authToken, settings, random, now }: Dependencies): CallbackSender {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const timers = new Set<NodeJS.Timeout>();
  const log: SentCallback[] = [];
  const later = (milliseconds: number, work: () => void) => {
    const timer = setTimeout(() => { timers.delete(timer); work(); }, milliseconds);
    timers.add(timer);
  };

  async function send(message: AcceptedMessage, status: Status, errorCode = message.errorCode): Promise<SentCallback> {
    const entry: SentCallback = { sid: message.sid, status, url: message.statusCallback ?? '', at: now().toISOString(), answer: 'pending' };
    log.push(entry);
    const form = callbackForm({ message, status, errorCode, accountSid });
    const headers = { 'x-twilio-signature': signature(authToken, entry.url, form), 'i-twilio-idempotency-token': `${message.sid}-${log.length}` };
    for (let attempt = 1; attempt <= settings().callbackAttempts; attempt += 1) {
      entry.answer = await post({ url: target(entry.url, settings().callbackOrigin), headers, body: new URLSearchParams(form).toString(), agent });
      if (/^\d/.test(entry.answer)) break;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
    return entry;
  }

  function tell(message: AcceptedMessage, status: Status, times: number): void {
    if (!message.statusCallback) return;
    for (let copy = 0; copy < times; copy += 1) {
      const jitter = random() * settings().callbackJitterMs;
      if (jitter > 0) later(jitter, () => { void send(message, status); });
      else void send(message, status);
    }
  }

  function reach(message: AcceptedMessage, status: Status, behaviour: Behaviour): void {
    message.status = status;
    message.errorCode = isFailure(status) ? behaviour.fail : message.errorCode;
    message.history.push({ status, at: now().toISOString() });
  }

  return {
    follow(message, behaviour) {
      const { statusDelayMs, lateCallbackMs, readShare } = settings();
      const statuses = timeline(message, behaviour, random() < readShare);
      const told = behaviour.callbacks === 'reversed' ? statuses.toReversed() : statuses;
      // One after the other: timers of different lengths that are late come in any order, and a message would end as `sent`.
      const grow = (index: number): void => {
        const status = statuses[index];
        if (status === undefined) return;
        later(statusDelayMs, () => {
          reach(message, status, behaviour);
          const tellNow = () => tell(message, told[index] ?? status, copies(behaviour, settings(), random));
          if (behaviour.callbacks === 'late') later(lateCallbackMs, tellNow);
          else tellNow();
          grow(index + 1);
        });
      };
      grow(0);
    },
    send,
    sent: () => log,
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      log.length = 0;
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
      agent.destroy();
    },
  };
}

function timeline(message: AcceptedMessage, { fail, callbacks }: Behaviour, isRead: boolean): Status[] {
  const first: Status[] = message.status === 'accepted' ? ['queued'] : [];
  if (fail !== undefined) {
    const failed: Status = fail >= 63_000 ? 'undelivered' : 'failed';
    return callbacks === 'delivered-after-failed' ? [...first, 'sent', failed, 'delivered'] : [...first, 'sent', failed];
  }
  return isRead && callbacks !== 'never-read' ? [...first, 'sent', 'delivered', 'read'] : [...first, 'sent', 'delivered'];
}

function copies({ callbacks }: Behaviour, { dropCallbacks, duplicateCallbacks }: Settings, random: () => number): number {
  if (callbacks === 'none' || random() < dropCallbacks) return 0;
  return callbacks === 'twice' || random() < duplicateCallbacks ? 2 : 1;
}

const isFailure = (status: Status): boolean => status === 'failed' || status === 'undelivered';

function callbackForm({ message, status, errorCode, accountSid }: { message: AcceptedMessage; status: Status; errorCode?: number; accountSid: string }): Record<string, string> {
  const eventType = { delivered: 'DELIVERED', read: 'READ' }[status as string];
  return {
    AccountSid: accountSid, ApiVersion: '2010-04-01', ChannelPrefix: 'whatsapp', ChannelToAddress: message.to, StructuredMessage: 'false',
    From: `whatsapp:${message.from}`, To: `whatsapp:${message.to}`,
    MessageSid: message.sid, SmsSid: message.sid, MessageStatus: status, SmsStatus: status,
    ...(eventType ? { EventType: eventType } : {}),
    ...(errorCode && isFailure(status) ? { ErrorCode: String(errorCode), ErrorMessage: `Error ${errorCode}` } : {}),
  };
}

/** Twilio's documented algorithm: the URL followed by the sorted parameters, HMAC-SHA1 with the auth token. */
function signature(authToken: string, url: string, form: Record<string, string>): string {
  const data = Object.keys(form).toSorted().reduce((text, key) => text + key + form[key], url);
  return createHmac('sha1', authToken).update(data, 'utf8').digest('base64');
}

function target(url: string, origin: string | undefined): string {
  const { pathname, search } = new URL(url);
  return origin ? new URL(pathname + search, origin).href : url;
}

function post({ url, headers, body, agent }: { url: string; headers: Record<string, string>; body: string; agent: Agent }): Promise<string> {
  return new Promise((resolve) => {
    const call = request(url, {
      agent, method: 'POST', timeout: 15_000,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body), 'user-agent': 'TwilioProxy/1.1' },
    }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', (error) => resolve(error.message));
    });
    call.once('timeout', () => call.destroy(new Error('no answer within 15 s')));
    call.once('error', (error) => resolve(error.message));
    call.end(body);
  });
}
