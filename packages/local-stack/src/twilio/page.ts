import { escapeHtml, page } from '../page.ts';
import type { AcceptedMessage } from './messages.ts';

const ticks: Record<string, string> = { queued: '🕓', accepted: '🕓', sent: '✓', delivered: '✓✓', read: '<b>✓✓</b>', failed: '⚠', undelivered: '⚠' };

/** The newest messages as a borrower's phone would show them. */
export function chatPage(messages: readonly AcceptedMessage[]): string {
  const bubbles = messages.slice(-200).toReversed().map((message) => `<article>
<header><strong>${escapeHtml(message.to)}</strong> <time>${escapeHtml(message.acceptedAt)}</time></header>
<p>${escapeHtml(message.body || templateText(message))}</p>
<footer title="${message.status}">${ticks[message.status] ?? ''} ${message.status}${message.errorCode ? ` ${message.errorCode}` : ''}</footer></article>`);
  return page('WhatsApp messages', `<h1>WhatsApp messages <small>${messages.length} accepted by the Twilio simulator</small></h1>${bubbles.join('\n') || '<p>Nothing yet.</p>'}`, { refreshSeconds: 3 });
}

function templateText({ contentSid, contentVariables = {} }: AcceptedMessage): string {
  return [`template ${contentSid}`, ...Object.entries(contentVariables).map(([name, value]) => `${name}: ${value}`)].join('\n');
}
