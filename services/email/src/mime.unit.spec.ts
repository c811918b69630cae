import { describe, expect, it } from '@jest/globals';
import { createRenderer, type MessageModel } from '@rappel/templates';
import { simpleParser } from 'mailparser';
import nodemailer from 'nodemailer';
import { writeMail, type Letter } from './mime.ts';

const letter = (over: Partial<Letter> = {}): Letter => ({
  from: { name: 'Service de prêt', address: 'rappel@example.org' }, to: 'camille@example.org', subject: 'Rappel', text: 'Bonjour', html: '<p>Bonjour</p>',
  messageId: '<n-1@example.org>', headers: { 'X-Rappel-Attempt': 'a-1' }, uniqueId: 'a-1', ...over,
});

const awkward: readonly Partial<Letter>[] = [
  { subject: `✅ Emprunt confirmé : « ${'très long '.repeat(30)}»` },
  { text: 'une ligne\n.\n..deux points\nfin de ligne avec espaces   \n\tet tabulation\t\n', html: '<pre>\n.\n=3D = 100 %\n</pre>' },
  { text: 'é'.repeat(5000), html: `<p>${'🙂'.repeat(900)}</p>` },
  { text: 'a\r\nb\nc\n\n' },
  { text: '--_NmP-other-Part_1\n----_NmP-other-Part_1--\nFrom me' },
  { to: 'camille@bücher.example' },
  { to: 'camille+prêt@example.org' },
  { headers: { 'List-Unsubscribe': `<https://example.org/unsubscribe/${'abc'.repeat(60)}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } },
];

describe('writeMail', () => {
  const library = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

  it.each(awkward.map((over) => [letter(over)]))('says what nodemailer would say %#', async (given) => {
    const { raw, envelope } = writeMail(given);
    const theirs = await library.sendMail({ from: given.from, to: { name: '', address: given.to }, subject: given.subject, text: given.text, html: given.html, messageId: given.messageId, headers: { ...given.headers } });
    const [ours, expected] = await Promise.all([simpleParser(raw, plain), simpleParser(theirs.message as Buffer, plain)]);
    expect(seen(ours)).toEqual(seen(expected));
    expect(envelope).toEqual(theirs.envelope);
  });

  it('stays within what SMTP carries: lines of at most 998 bytes that end with CRLF, all ASCII', () => {
    for (const over of awkward.filter(({ to }) => !to)) {
      const lines = writeMail(letter(over)).raw.toString('latin1').split('\r\n');
      for (const line of lines) {
        expect(line.length).toBeLessThanOrEqual(998);
        expect(line).toMatch(/^[\t\x20-\x7e]*$/);
      }
    }
  });

  it('takes a lone carriage return for the end of a line: no server may read it as an end of its own', () => {
    expect(writeMail(letter({ text: 'a\rb' })).raw.toString()).toContain('\r\na\r\nb\r\n');
  });

  it('lets no content end its part: a new boundary for each attempt', () => {
    expect(writeMail(letter({ uniqueId: 'a-2' })).raw.toString()).not.toContain('a-1-Part');
  });

  it('carries a message of ours word for word', async () => {
    const { subject, text, html } = createRenderer().email(model);
    const parsed = await simpleParser(writeMail(letter({ subject, text, html })).raw, plain);
    expect([parsed.subject, parsed.text?.trimEnd(), parsed.html && parsed.html.trimEnd()]).toEqual([subject, text.trimEnd(), html.trimEnd()]);
  });
});

const model: MessageModel = {
  type: 'CREATION', locale: 'fr', firstName: 'Zoé', lastName: 'Lefèvre', duration: 'LONG',
  items: [{ code: 'PC-1', name: 'Écran 27″ « large »', dueDate: '2026-03-27', dueTime: '16:30' }],
};
const plain = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true } as object;
const seen = ({ headers, text, html }: Awaited<ReturnType<typeof simpleParser>>) => ({
  headers: [...headers].filter(([name]) => name !== 'date' && name !== 'content-type').toSorted(([a], [b]) => (a < b ? -1 : 1)), text, html,
});
