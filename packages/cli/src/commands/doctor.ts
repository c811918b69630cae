import { locales, notificationTypes } from '@rappel/contracts';
import { createRenderer } from '@rappel/templates';
import { lineSettings, mailEncryption, tlsTrouble } from '@rappel/tls';
import nodemailer from 'nodemailer';
import { services, type ServiceName } from '../config.ts';
import type { Context } from '../context.ts';
import { ToolError, toToolError } from '../errors.ts';
import { checksOf } from '../output.ts';

const QUESTION = 'Create a test loan and send its confirmation for real?';

interface Check { check: string; ok: boolean; details: string }

/** Configuration, servers, credentials, templates, a real message if wanted, statistics. */
export async function examine(context: Context, sendTo: string | undefined): Promise<void> {
  const { config } = context;
  if (sendTo) await context.out.confirm(QUESTION, context.yes);
  const checks = await Promise.all([
    check('configuration', async () => { await context.vault(); return `from ${config.sources.join(', ')}`; }),
    check('channel settings', async () => settings(context)),
    check('PostgreSQL', async () => (await (await context.pool()).query<{ v: string }>("SELECT current_setting('server_version') AS v")).rows[0]!.v),
    check('event store', async () => `at ${await (await context.store()).head() || 'its start'}`),
    check('NATS', async () => { const bus = await context.bus(); await bus.flush(); return `server ${bus.info?.version ?? '?'}`; }),
    ...(Object.keys(services) as ServiceName[]).map((name) => check(`service ${name}`, async () => checksOf((await context.call<{ checks: Record<string, string> }>(name, '/health/ready')).checks))),
    check('API key', async () => { await context.call('notification-log', '/projection'); return 'accepted'; }),
    check('Twilio credentials', () => twilio(context)),
    check('content templates', async () => contentTemplates(context)),
    check('mail server', () => smtp(context)),
    check('texts and mails', async () => rendered()),
  ]);
  const sent = sendTo ? [await check('test message', () => testMessage(context, sendTo))] : [];
  const all = [...checks, ...sent];
  const figures = await context.call<{ items: { status: string | null; count: number }[]; total: number }>('notification-log', '/stats/status').catch(() => undefined);
  const statistics = Object.fromEntries((figures?.items ?? []).map(({ status, count }) => [status ?? 'skipped', count]));
  context.out.answer({ checks: all, statistics }, () => {
    for (const { check: name, ok, details } of all) context.out.line(`${ok ? context.out.good('ok  ') : context.out.bad('FAIL')} ${name.padEnd(26)} ${details}`);
    context.out.line(`\nNotifications: ${figures ? `${figures.total} in all; ${Object.entries(statistics).map(([status, n]) => `${n} ${status}`).join(', ') || 'none yet'}` : 'no figures'}`);
  });
  const failed = all.filter(({ ok }) => !ok).length;
  if (failed > 0) throw new ToolError(`${failed} check(s) failed`);
}

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { check: name, ok: true, details: await look() };
  } catch (error) {
    return { check: name, ok: false, details: toToolError(error).message.split('\n')[0]! };
  }
}

/** The keys that a channel cannot do without; their values stay unsaid. */
function settings({ config }: Context): string {
  const missing = ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_WHATSAPP_FROM', 'SMTP_HOST'].filter((key) => !config.get(key));
  const from = config.get('TWILIO_WHATSAPP_FROM');
  if (from && !/^whatsapp:\+\d{6,15}$/.test(from)) throw new Error('TWILIO_WHATSAPP_FROM is not of the form whatsapp:+14155238886');
  return missing.length > 0 ? `not set here: ${missing.join(', ')}` : 'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_WHATSAPP_FROM, SMTP_HOST set';
}

async function asked({ config }: Context, base: string, path: string): Promise<{ status: number; body: Record<string, unknown>; host: string }> {
  const [sid, token] = [config.require('TWILIO_ACCOUNT_SID'), config.require('TWILIO_AUTH_TOKEN').split(',')[0]!.trim()];
  const url = new URL(path, config.get('TWILIO_BASE_URL') ?? base);
  const response = await fetch(url, { headers: { authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString('base64')}` }, signal: AbortSignal.timeout(10_000) })
    .catch((cause: unknown) => { throw new Error(`${url.host} does not answer (TWILIO_BASE_URL, or the network)`, { cause }); });
  return { status: response.status, body: await response.json().catch(() => ({})) as Record<string, unknown>, host: url.host };
}

async function twilio(context: Context): Promise<string> {
  const sid = context.config.get('TWILIO_ACCOUNT_SID');
  if (!sid || !context.config.get('TWILIO_AUTH_TOKEN')) return 'not configured here';
  // Listing one message asks for the same rights as sending, and sends nothing.
  const { status, host } = await asked(context, 'https://api.twilio.com', `/2010-04-01/Accounts/${encodeURIComponent(sid)}/Messages.json?PageSize=1`);
  if (status !== 200) throw new Error(`${host} refuses TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN with ${status}`);
  return `accepted by ${host}`;
}

/** Those that are configured are there and approved; what has none goes as free text. */
async function contentTemplates(context: Context): Promise<string> {
  const given = contentSids(context.config.get('TWILIO_CONTENT_SIDS') ?? '{}');
  const named = notificationTypes.flatMap((type) => locales.flatMap((locale) => given[type]?.[locale] ?? []));
  if (named.length === 0) return 'none configured: free text, for the sandbox and the 24 h window';
  const verdicts = await Promise.all(named.map(async (sid) => {
    const { status, body } = await asked(context, 'https://content.twilio.com', `/v1/Content/${encodeURIComponent(sid)}/ApprovalRequests`);
    const approval = status === 200 ? (body['whatsapp'] as { status?: string } | undefined)?.status ?? 'not submitted' : `answered ${status}`;
    return approval === 'approved' ? [] : [`${sid} ${approval}`];
  }));
  if (verdicts.flat().length > 0) throw new Error(verdicts.flat().join(', '));
  const missing = notificationTypes.flatMap((type) => locales.map((locale) => (given[type]?.[locale] ? '' : `${type} ${locale}`))).filter(Boolean);
  return `${named.length} approved${missing.length > 0 ? `; as free text: ${missing.join(', ')}` : ''}`;
}

function contentSids(text: string): Record<string, Record<string, string>> {
  try {
    return JSON.parse(text) as Record<string, Record<string, string>>;
  } catch (cause) {
    throw new Error('TWILIO_CONTENT_SIDS is not JSON: expected {"RAPPEL_J1":{"fr":"HX…"}}', { cause });
  }
}

/** As the email service comes in: TLS and login included. */
async function smtp({ config }: Context): Promise<string> {
  const [host, port, user] = [config.get('SMTP_HOST'), Number(config.get('SMTP_PORT') ?? 1025), config.get('SMTP_USER')];
  if (!host) return 'not configured here';
  const [secure, requireTls] = [config.get('SMTP_SECURE'), config.get('SMTP_REQUIRE_TLS')].map((value) => (value === undefined ? undefined : /^(?:true|1|yes|on|y|enabled)$/i.test(value)));
  const transport = nodemailer.createTransport({
    host, port, ...mailEncryption({ host, port, secure, requireTls, login: user !== undefined, ca: config.file('SMTP_TLS_CA') }),
    ...(user && { auth: { user, pass: config.get('SMTP_PASSWORD') ?? '' } }),
    connectionTimeout: 5000, greetingTimeout: 5000, dnsTimeout: 5000, socketTimeout: 10_000,
  });
  try {
    await transport.verify();
    return `${host}:${port} answers${user ? ' and takes the login' : ''}`;
  } catch (error) {
    throw new Error(tlsTrouble(error, lineSettings.mail)?.text ?? (error as Error).message, { cause: error });
  } finally {
    transport.close();
  }
}

function rendered(): string {
  const renderer = createRenderer();
  const item = { code: 'TEST-001', name: 'Test', dueDate: '2026-03-28' };
  let longest = 0;
  for (const type of notificationTypes) {
    for (const locale of locales) {
      const model = { type, locale, firstName: 'Test', duration: 'LONG' as const, returnedAt: '14:30', daysLate: 1, level: 1, items: [item] };
      const text = renderer.whatsapp(model);
      if (text === '' || renderer.email(model).text === '') throw new Error(`${type} in ${locale} is empty`);
      longest = Math.max(longest, text.length);
    }
  }
  return `${notificationTypes.length} types × 2 channels × ${locales.length} languages written, the longest WhatsApp text has ${longest} characters`;
}

interface Sent { status: string | null; errorText: string | null; skipReason: string | null; notificationId: string }

async function testMessage(context: Context, address: string): Promise<string> {
  const id = `doctor-${Date.now()}`;
  const email = address.includes('@');
  await context.change(QUESTION, { command: 'doctor --send-to', details: { attributionId: id }, asked: true });
  const soon = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
  await context.call('loan', '/attributions', {
    method: 'POST',
    body: {
      attributionId: id, duration: 'LONG', due: { date: soon, zone: 'Europe/Paris' }, item: { code: 'TEST-001', name: 'Test' },
      borrower: { id, firstName: 'Test', ...(email ? { email: address } : { phone: address }), preferences: { email, whatsapp: !email } },
    },
  });
  try {
    return await outcome(context, id);
  } finally {
    await context.call('loan', `/attributions/${id}/cancel`, { method: 'POST', body: { reason: 'test' } }).catch(() => undefined);
  }
}

async function outcome(context: Context, id: string): Promise<string> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const { items } = await context.call<{ items: Sent[] }>('notification-log', `/attributions/${id}/notifications`);
    const sent = items.find(({ status }) => status === 'ENVOYEE');
    if (sent) return `sent: ${sent.notificationId}`;
    const failed = items.find(({ status }) => status === 'ECHEC' || status === 'ECHEC_PERMANENT');
    if (failed) throw new Error(failed.errorText ?? 'failed');
    await new Promise((resolve) => { setTimeout(resolve, 300); });
  }
  throw new Error('nothing was sent within 30 s');
}
