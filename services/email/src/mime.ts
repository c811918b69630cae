import MimeNode from 'nodemailer/lib/mime-node';
import { encode, wrap } from 'nodemailer/lib/qp';

export interface Letter {
  readonly from: { readonly name: string; readonly address: string };
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  /** Written as they are: ASCII, one line each, nothing that somebody typed. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of nobody's making but ours, so that no content can hold it: it separates the parts. */
  readonly uniqueId: string;
}

export interface Written {
  readonly raw: Buffer;
  readonly envelope: { readonly from: string | false; readonly to: string[] };
}

/**
 * The mail as it travels: text and HTML as alternatives, quoted-printable. nodemailer writes the head; that it need not send the
 * body through its streams, one for each part, takes two thirds off what a mail costs.
 */
export function writeMail({ from, to, subject, text, html, messageId, headers, uniqueId }: Letter): Written {
  const head = new MimeNode('multipart/alternative', { baseBoundary: uniqueId });
  head.setHeader({ From: from, To: { name: '', address: to }, Subject: subject, 'Message-ID': messageId });
  head.addHeader(Object.entries(headers).map(([key, value]) => ({ key, value: { prepared: true, value } })));
  const lines = head.buildHeaders();
  const boundary = String(head.boundary);
  const raw = [lines, '', part(boundary, 'plain', text), part(boundary, 'html', html), `--${boundary}--`, ''].join('\r\n');
  return { raw: Buffer.from(raw), envelope: head.getEnvelope() };
}

const part = (boundary: string, kind: 'plain' | 'html', content: string): string => [
  `--${boundary}`, `Content-Type: text/${kind}; charset=utf-8`, 'Content-Transfer-Encoding: quoted-printable', '',
  wrap(encode(content.replace(/\r\n|\r|\n/g, '\r\n'))),
].join('\r\n');
