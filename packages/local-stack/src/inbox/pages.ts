import type { ParsedMail } from 'mailparser';
import { escapeHtml, page } from '../page.ts';
import type { ReceivedMail } from './mails.ts';

/** The newest 200 mails. */
export function listPage(mails: readonly ReceivedMail[]): string {
  const rows = mails.slice(-200).toReversed().map(({ id, receivedAt, envelopeTo, subject }) => `<tr><td><time>${escapeHtml(receivedAt)}</time></td>
<td>${escapeHtml(envelopeTo.join(', '))}</td><td><a href="/mail/${id}">${escapeHtml(subject || '(no subject)')}</a></td></tr>`);
  return page('Mails', `<h1>Mails <small>${mails.length} received</small></h1>
<table><tr><th>Received<th>To<th>Subject</tr>${rows.join('\n')}</table>`, { refreshSeconds: 3 });
}

/** One mail: both parts and all headers. The HTML part runs in a sandbox without scripts. */
export function mailPage(summary: ReceivedMail, mail: ParsedMail): string {
  const headers = Object.entries(summary.headers).map(([name, value]) => `<tr><th>${escapeHtml(name)}<td>${escapeHtml(value)}</tr>`);
  return page(summary.subject, `<p><a href="/">All mails</a> · <a href="/raw/${summary.id}">Source</a></p><h1>${escapeHtml(summary.subject)}
<small>to ${escapeHtml(summary.envelopeTo.join(', '))}, ${escapeHtml(summary.receivedAt)}</small></h1>
${mail.html ? `<iframe sandbox src="/html/${summary.id}"></iframe>` : ''}<h2>Text</h2><pre>${escapeHtml(mail.text ?? '')}</pre>
<h2>Headers</h2><table>${headers.join('\n')}</table>`);
}
