import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deliveryConfig, whileChanging } from '@rappel/notification/nest';
import addressparser from 'nodemailer/lib/addressparser';
import { z } from 'zod';

/** The library reads what it can, and of a second address a part of the first one's name. */
function isOneSender(text: string): boolean {
  const [sender, ...others] = addressparser(text, { flatten: true });
  return others.length === 0 && sender !== undefined && /^[^\s@:]+@[^\s@]+$/.test(sender.address) && !/\S@\S/.test(sender.name) && !/[\r\n]/.test(text);
}

function isCertificate(file: string): boolean {
  try {
    return new X509Certificate(readFileSync(file)).subject !== '';
  } catch {
    return false;
  }
}

export const emailConfig = {
  ...deliveryConfig,
  PORT: deliveryConfig.PORT.default(4003),
  SMTP_HOST: z.string().default('127.0.0.1'),
  SMTP_PORT: z.coerce.number().int().min(1).max(65_535).default(1025),
  SMTP_USER: z.string().optional(),
  SMTP_PASSWORD: z.string().optional(),
  /** `Name <address>` or an address; a name with a comma in it stands in quotes. */
  SMTP_FROM: z.string().refine(isOneSender, 'expected one sender: Name <address>, "Last, First" <address> or an address').default('Rappel <rappel@localhost.localdomain>'),
  /** TLS from the first byte; otherwise STARTTLS where the server offers it. Default: on port 465. */
  SMTP_SECURE: z.stringbool().optional(),
  /** TLS or nothing. Default: with a login, unless the server is this machine. False = a password may go out in clear. */
  SMTP_REQUIRE_TLS: z.stringbool().optional(),
  /** PEM file of the authorities that may have signed the server's certificate. Default: those that Node trusts. */
  SMTP_TLS_CA: z.string().refine(isCertificate, 'expected a PEM file of certificates that can be read').optional(),
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
