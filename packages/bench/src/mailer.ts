import type nodemailer from 'nodemailer';
import { peer } from './peer.ts';

interface Mail { readonly to: string; readonly subject: string; readonly html: string; readonly text: string }

/** Pooled nodemailer with as many connections as Rappel's email service opens. */
export function mailer(port: number): { send(mail: Mail): Promise<string>; close(): void } {
  const transport = peer<typeof nodemailer>('nodemailer').createTransport({ pool: true, host: '127.0.0.1', port, secure: false, maxConnections: 20, maxMessages: Infinity });
  return {
    send: async (mail) => (await transport.sendMail({ from: 'Rappel <rappel@example.org>', ...mail })).messageId,
    close: () => transport.close(),
  };
}
