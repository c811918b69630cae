import { Channel, channels, ErrorClass, NotificationType } from '@rappel/contracts';
import { baseConfig, json } from '@rappel/service-kit';
import { z } from 'zod';
import { reactions } from '../error-classes.ts';

const words = (text: string): string[] => text.split(',').map((one) => one.trim()).filter(Boolean);
const limit = z.coerce.number().int().min(0).transform((value) => (value === 0 ? undefined : value));
const healing = Object.entries(reactions).flatMap(([name, { healedByEmail }]) => (healedByEmail ? [name] : [])).join(',');

/** One value, or during a change several, comma between: the first is used, the others are still recognised. */
export const whileChanging = (one: z.ZodType<string, string>) => z.string().transform(words).pipe(z.array(one).nonempty());

/** A path of ours behind `PUBLIC_URL`, which may have a path of its own where a proxy takes that away. */
export const publicAddress = (base: string, path: string): string => new URL(path.replace(/^\//, ''), base.endsWith('/') ? base : `${base}/`).href;

/** What both channel services read from the environment. Delays and time-outs of messages are business seconds. */
export const deliveryConfig = {
  ...baseConfig,
  /** For borrowers who allow both channels, do not want both and prefer none. */
  RAPPEL_PREFERRED_CHANNEL: Channel.default('EMAIL'),
  /** `{"RETARD":["EMAIL"]}`: the channels that a type may use; types not named may use all. */
  RAPPEL_TYPE_CHANNELS: z.string().default('{}').transform(json).pipe(z.partialRecord(NotificationType, z.array(z.enum(channels)).min(1))),
  /** Attempts before a notification is given up. */
  RAPPEL_ATTEMPTS: z.coerce.number().int().min(1).max(100).default(3),
  /** Seconds before the second, third, … attempt; the last one repeats. */
  RAPPEL_RETRY_DELAYS: z.string().default('60,300').transform((text) => text.split(',').map(Number)).pipe(z.array(z.number().min(0)).min(1)),
  /** Classes of failure for which an email stands in for a WhatsApp message; `none` = never. */
  RAPPEL_FALLBACK_CLASSES: z.string().default(healing).transform((text) => (text === 'none' ? [] : words(text))).pipe(z.array(z.string()).pipe(z.array(ErrorClass))),
  /** Seconds after which a receipt that did not come is marked. */
  RAPPEL_RECEIPT_TIMEOUT: z.coerce.number().int().min(1).default(86_400),
  /** How to reach the desk, and who lends: said in messages when set. */
  RAPPEL_CONTACT: z.string().max(120).optional(),
  RAPPEL_SENDER: z.string().max(120).optional(),
  /** Folder of templates that replace built-in ones. */
  RAPPEL_TEMPLATES_DIR: z.string().optional(),
  /** Messages of the bus handled at once, and due retries at once. */
  DELIVERY_CONCURRENCY: z.coerce.number().int().min(1).max(2000).default(64),
  /** Real milliseconds that a worker has for one attempt. Above the send's time-out; after it, an attempt without outcome is looked into. */
  DELIVERY_LEASE_MS: z.coerce.number().int().min(1000).default(45_000),
  /** Real milliseconds before a channel that paused itself is tried again: first, second, …; the last one repeats. */
  CHANNEL_PROBE_MS: z.string().default('30000,120000,600000').transform((text) => text.split(',').map(Number)).pipe(z.array(z.number().min(10)).min(1)),
  /** Messages a second and a day from this sender, over all instances; 0 = no limit. */
  CHANNEL_RATE_PER_SECOND: limit.prefault(0),
  CHANNEL_RATE_PER_DAY: limit.prefault(0),
};
export type DeliveryServiceConfig = z.infer<z.ZodObject<typeof deliveryConfig>>;
