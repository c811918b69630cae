import MimeNode from 'nodemailer/lib/mime-node';
import { encodeWords, foldLines } from 'nodemailer/lib/mime-funcs';
import { quotedPrintable } from './quoted-printable.ts';

export interface Letter {
  /** `Name <address>` or an address. */
  readonly from: string;
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** `<…@…>` */
  readonly messageId: string;
  /** ASCII, each on one line. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of nobody's making but ours, so that no content can hold it: it separates the parts. */
  readonly uniqueId: string;
}

export interface Written {
  readonly raw: Buffer;
  readonly envelope: { readonly from: string | false; readonly to: readonly string[] };
}

/**
 * The mail as it travels: text and HTML as alternatives, quoted-printable. Written here, with the library's own words for
 * addresses and subjects: a tree of the library's nodes for each mail, and its streams, cost four times as much.
 */
export function writeMail({ from, to, subject, text, html, messageId, headers, uniqueId }: Letter): Written {
  const sender = addressed('From', from);
  const recipient = addressed('To', to);
  const boundary = `--_NmP-${uniqueId}-Part_1`;
  const raw = [
    sender.line, recipient.line,
    header('Subject', encodeWords(subject.replace(/[\r\n]+/g, ' '), 'Q', 52, true)),
    header('Message-ID', messageId),
    ...Object.entries(headers).map(([name, value]) => header(name, value)),
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative;\r\n boundary="${boundary}"`,
    '', part(boundary, 'plain', text), part(boundary, 'html', html), `--${boundary}--`, '',
  ].join('\r\n');
  return { raw: Buffer.from(raw), envelope: { from: sender.address, to: [recipient.address] } };
}

const header = (name: string, value: string): string => foldLines(`${name}: ${value}`, 76);

const part = (boundary: string, kind: 'plain' | 'html', content: string): string => [
  `--${boundary}`, `Content-Type: text/${kind}; charset=utf-8`, 'Content-Transfer-Encoding: quoted-printable', '',
  quotedPrintable(content),
].join('\r\n');

interface Addressed { readonly line: string; readonly address: string }

// A dot-atom and a domain in small letters: nothing to quote, fold or translate.
const BARE = /^[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*@[a-z\d-]+(?:\.[a-z\d-]+)+$/;
let lastNamed: { readonly given: string; readonly addressed: Addressed } | undefined;

/** Its header and the address for the envelope. What is not a bare address the library writes; the sender is the same again and again. */
function addressed(name: 'From' | 'To', given: string): Addressed {
  if (name === 'To' && BARE.test(given)) return { line: `To: ${given}`, address: given };
  if (lastNamed?.given === given) return lastNamed.addressed;
  const node = new MimeNode('text/plain');
  node.setHeader(name, name === 'To' ? { name: '', address: given } as never : given);
  const { from, to } = node.getEnvelope();
  const line = node.buildHeaders().split(/\r\n(?![ \t])/).find((one) => one.startsWith(`${name}: `))!;
  const found = { line, address: (name === 'To' ? to[0] : from) || '' };
  if (name === 'From') lastNamed = { given, addressed: found };
  return found;
}
