import type { LineSettings } from './trouble.ts';

/** The words for `tlsTrouble`, by server. */
export const lineSettings = {
  mail: { ca: 'SMTP_TLS_CA', address: 'SMTP_HOST', plain: 'SMTP_SECURE=true is for port 465; elsewhere leave it out, and STARTTLS is used' },
  nats: { ca: 'NATS_TLS_CA', address: 'NATS_URL', plain: 'have it switched on there (infra/nats/tls.conf), or leave tls:// and NATS_TLS_… out' },
  postgres: { ca: 'DATABASE_URL as sslrootcert=FILE', address: 'DATABASE_URL', plain: 'have it switched on there, or leave sslmode out of DATABASE_URL' },
  twilio: { ca: undefined, address: 'TWILIO_BASE_URL', plain: 'TWILIO_BASE_URL must lead to a server that does' },
} satisfies Record<string, LineSettings>;
