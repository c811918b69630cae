import { ForbiddenException } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { publicUrl, type WhatsappConfig } from './config.ts';

/** A call of Twilio's as it came: path with query, form, `X-Twilio-Signature`. */
export interface Signed {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly signature: string;
}

/** Counts and throws a 403 unless Twilio signed this call for our public URL. */
export function verifySignature(config: WhatsappConfig, { path, form, signature }: Signed, refused: Counter): void {
  const url = new URL(path, publicUrl(config) ?? 'http://invalid.invalid').href;
  if (validateRequest(config.TWILIO_AUTH_TOKEN, signature, url, { ...form })) return;
  refused.inc();
  throw new ForbiddenException('the signature does not fit');
}
