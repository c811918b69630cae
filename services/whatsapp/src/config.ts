import { locales, NotificationType } from '@rappel/contracts';
import { deliveryConfig, whileChanging } from '@rappel/notification/nest';
import { json } from '@rappel/service-kit';
import { z } from 'zod';

const contentSids = z.partialRecord(NotificationType, z.partialRecord(z.enum(locales), z.string().regex(/^HX[0-9a-fA-F]{32}$/, 'expected HX and 32 hexadecimal digits')));

export const whatsappConfig = {
  ...deliveryConfig,
  PORT: deliveryConfig.PORT.default(4004),
  TWILIO_ACCOUNT_SID: z.string().regex(/^AC/, 'expected AC…'),
  /** Logs in with the first; receipts may be signed with any, so that a change of the token refuses none. */
  TWILIO_AUTH_TOKEN: whileChanging(z.string()),
  /** `whatsapp:+14155238886`; the prefix may be left out. */
  TWILIO_WHATSAPP_FROM: z.string().regex(/^(whatsapp:)?\+\d{6,15}$/, 'expected whatsapp:+…').transform((from) => `whatsapp:${from.replace(/^whatsapp:/, '')}`),
  /** Origin that stands in for Twilio's (the simulator). Absent = Twilio. */
  TWILIO_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Approved templates: `{"RAPPEL_2H":{"fr":"HX…","en":"HX…"}}`. What has none is sent as free text, which only the sandbox and the 24 h window take. */
  TWILIO_CONTENT_SIDS: z.string().default('{}').transform(json).pipe(contentSids),
  /** Longest request, real milliseconds. Well under DELIVERY_LEASE_MS. */
  TWILIO_TIMEOUT_MS: z.coerce.number().int().min(200).default(10_000),
  /** Real milliseconds after which a message that Twilio's list does not know was not taken. */
  TWILIO_SETTLE_MS: z.coerce.number().int().min(0).default(15_000),
  /** Where Twilio reaches this service, as it is written in signatures; earlier ones behind it. Absent = no receipts, except from a simulator. */
  PUBLIC_URL: whileChanging(z.url({ protocol: /^https?$/ })).optional(),
};
export type WhatsappConfig = z.infer<z.ZodObject<typeof whatsappConfig>>;

/** Where receipts are to be sent, and where they were before; empty = nowhere. */
export const publicUrls = ({ PUBLIC_URL, TWILIO_BASE_URL, HOST, PORT }: WhatsappConfig): readonly string[] =>
  PUBLIC_URL ?? (TWILIO_BASE_URL ? [`http://${HOST === '0.0.0.0' ? '127.0.0.1' : HOST}:${PORT}`] : []);
