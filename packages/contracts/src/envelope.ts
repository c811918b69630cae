import { z } from 'zod';

/**
 * CloudEvents 1.0 (https://github.com/cloudevents/spec) as Rappel reads and writes it, on NATS in binary mode
 * (attributes in `ce-*` headers, `data` as the payload) or structured mode (`content-type: application/cloudevents+json`).
 */
export const Envelope = z.object({
  specversion: z.literal('1.0'),
  /** Unique per source; makes an inbound event idempotent. */
  id: z.string().min(1).max(200),
  source: z.string().min(1).max(500),
  type: z.string().min(1).max(200),
  subject: z.string().max(200).optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().max(100).optional(),
  /** W3C trace context. */
  traceparent: z.string().max(200).optional(),
  /** Rappel's extensions: what conversation this belongs to and which event caused it. */
  correlationid: z.string().max(200).optional(),
  causationid: z.string().max(200).optional(),
  /** And the only channels to tell the borrower on (`EMAIL` or `EMAIL,WHATSAPP`), where whoever announces it knows; absent = whoever tells finds out. */
  rappelchannels: z.string().max(200).optional(),
  data: z.unknown(),
});
export type Envelope = z.infer<typeof Envelope>;
