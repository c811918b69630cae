import { ConflictException, ForbiddenException } from '@nestjs/common';
import { publicAddress } from '@rappel/notification/nest';
import type { Counter } from 'prom-client';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { publicUrls, type WhatsappConfig } from './config.ts';

/** A call of Twilio's as it came: path with query, form, `X-Twilio-Signature`. */
export interface Signed {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly signature: string;
}

/** Counts and throws a 403 unless Twilio signed this call for our public URL. */
export function verifySignature(config: WhatsappConfig, { path, form, signature }: Signed, refused: Counter<'reason'>): void {
  const urls = publicUrls(config).map((base) => publicAddress(base, path));
  if (urls.some((url) => config.TWILIO_AUTH_TOKEN.some((token) => validateRequest(token, signature, url, { ...form })))) return;
  refused.inc({ reason: 'signature' });
  throw new ForbiddenException('the signature does not fit');
}

/**
 * Counts and throws a 409 for what Twilio signed and we have already: the first one was stored. Twilio repeats only what it got no
 * connection for (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides: `rp=ct`, once), never because of a 4xx.
 */
export function refuseReplay(refused: Counter<'reason'>): never {
  refused.inc({ reason: 'replayed' });
  throw new ConflictException('this came before, and was taken');
}
