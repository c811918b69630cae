import { deliveryConfig, whileChanging } from '@rappel/notification/nest';
import { z } from 'zod';

export const emailConfig = {
  ...deliveryConfig,
  PORT: deliveryConfig.PORT.default(4003),
  SMTP_HOST: z.string().default('127.0.0.1'),
  SMTP_PORT: z.coerce.number().int().min(1).max(65_535).default(1025),
  SMTP_USER: z.string().optional(),
  SMTP_PASSWORD: z.string().optional(),
  /** `Name <address>` or an address. */
  SMTP_FROM: z.string().regex(/^[^\r\n]+@[^\r\n]+$/, 'expected an address').default('Rappel <rappel@localhost.localdomain>'),
  /** TLS from the first byte (port 465); otherwise STARTTLS where the server offers it. */
  SMTP_SECURE: z.stringbool().default(false),
  /** Open connections. */
  SMTP_CONNECTIONS: z.coerce.number().int().min(1).max(200).default(20),
  /** Longest send, real milliseconds, waiting for a connection included. Well under DELIVERY_LEASE_MS. */
  SMTP_TIMEOUT_MS: z.coerce.number().int().min(500).default(15_000),
  /** What becomes of an email whose fate is unknown: sent once more under the same Message-ID, or held for an operator. */
  RAPPEL_EMAIL_UNKNOWN: z.enum(['resend', 'hold']).default('resend'),
  /** Where borrowers' mail programs and bounce reports reach this service; absent = no unsubscribe link. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Signs bounce reports; during a change the old one behind the new one. Absent = they are refused. */
  BOUNCE_WEBHOOK_SECRET: whileChanging(z.string().min(16)).optional(),
};
export type EmailConfig = z.infer<z.ZodObject<typeof emailConfig>>;
