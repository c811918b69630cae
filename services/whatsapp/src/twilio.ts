import { createHash } from 'node:crypto';
import { INVALID_PHONE, parsePhone, type Outgoing, type Provider, type SendResult, type Settlement, type UnknownAttempt } from '@rappel/notification';
import type { Renderer } from '@rappel/templates';
import { withinLease, type TwilioClient } from './client.ts';
import { publicUrls, type WhatsappConfig } from './config.ts';
import { failureOf } from './errors.ts';
import { receiptUrl } from './receipt-url.ts';

interface TwilioOptions {
  readonly client: TwilioClient;
  readonly config: WhatsappConfig;
  readonly renderer: Renderer;
  /** A code that no table lists. */
  readonly onUnlisted: (text: string) => void;
}

type Content = { readonly body: string } | { readonly contentSid: string; readonly contentVariables: string };

const LOOK_AGAIN_MS = 3000;
const MARGIN_MS = 60_000;
/** Twilio's bounds of `validityPeriod`, in seconds. */
const [VALID_AT_LEAST, VALID_AT_MOST] = [1, 36_000];

/** WhatsApp through Twilio as a channel. */
export function createTwilioProvider({ client, config, renderer, onUnlisted }: TwilioOptions): Provider {
  const from = config.TWILIO_WHATSAPP_FROM;
  const [base] = publicUrls(config);

  function content({ model }: Pick<Outgoing, 'model'>): Content {
    const sid = config.TWILIO_CONTENT_SIDS[model.type]?.[renderer.locale(model.locale)];
    return sid ? { contentSid: sid, contentVariables: JSON.stringify(renderer.contentVariables(model)) } : { body: renderer.whatsapp(model).trimEnd() };
  }

  async function send(outgoing: Outgoing, sendBefore: string): Promise<SendResult> {
    const { recipient, attemptId, grouped, validFor } = outgoing;
    let message: Content;
    try {
      message = content(outgoing);
    } catch (error) {
      return { kind: 'failed', failure: { class: 'CONTENT', code: 'template', text: (error as Error).message } };
    }
    try {
      const { sid } = await withinLease(sendBefore, () => client.messages.create({
        from, to: `whatsapp:${recipient}`, ...message,
        ...(base && { statusCallback: receiptUrl(base, { notification: outgoing.about, attemptId, grouped }) }),
        ...(validFor !== undefined && { validityPeriod: Math.min(VALID_AT_MOST, Math.max(VALID_AT_LEAST, validFor)) }),
      }));
      return { kind: 'accepted', providerId: sid };
    } catch (error) {
      const { result, listed } = failureOf(error);
      if (!listed && result.kind === 'failed') onUnlisted(result.failure.text);
      return result;
    }
  }

  /** Of free text; what Twilio makes of an approved template is not known here. */
  function fingerprint(outgoing: Pick<Outgoing, 'model'>): string | undefined {
    try {
      const message = content(outgoing);
      return 'body' in message ? digest(message.body) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Twilio's list has no marker of ours, so it is the recipient, the time and the words that tell a message. */
  async function settle({ outgoing, notBefore, quietMs, fingerprint: words }: UnknownAttempt): Promise<Settlement> {
    const listed = await client.messages.list({ from, to: `whatsapp:${outgoing.recipient}`, dateSentAfter: new Date(Date.parse(notBefore) - MARGIN_MS), limit: 200 });
    const since = Math.floor(Date.parse(notBefore) / 1000) * 1000;
    const young = listed.filter(({ dateCreated }) => dateCreated.getTime() >= since);
    const found = young.find(({ body }) => words !== undefined && digest(body) === words) ?? young.find(({ body }) => says(body, content(outgoing)));
    if (found) return { kind: 'sent', evidence: 'provider-list', providerId: found.sid };
    return quietMs >= config.TWILIO_SETTLE_MS ? { kind: 'not-sent', evidence: 'provider-list' } : { kind: 'undecided', afterMs: Math.min(LOOK_AGAIN_MS, config.TWILIO_SETTLE_MS - quietMs + 100) };
  }

  return {
    channel: 'WHATSAPP',
    receipts: base !== undefined,
    invalidAddress: INVALID_PHONE,
    sendTimeoutMs: config.TWILIO_TIMEOUT_MS + 1000,
    address: (raw) => parsePhone(raw, config.RAPPEL_DEFAULT_COUNTRY),
    send,
    fingerprint,
    settle,
  };
}

const digest = (text: string): string => createHash('sha256').update(plain(text)).digest('base64url');
const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** Whether a listed body is this message: the same words, or for a template, whose words are Twilio's, every value of ours. */
function says(body: string, message: Content): boolean {
  if ('body' in message) return plain(body) === plain(message.body);
  const values = Object.values(JSON.parse(message.contentVariables) as Record<string, string>);
  return values.every((value) => plain(body).includes(plain(value)));
}
