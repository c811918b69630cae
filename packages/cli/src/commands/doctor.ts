import { channels, locales, notificationTypes, type NotificationType } from '@rappel/contracts';
import { parseMasterKeys } from '@rappel/privacy';
import { createRenderer } from '@rappel/templates';
import type { Command } from 'commander';
import { connect } from 'node:net';
import { doing, examples } from '../command.ts';
import { services, type ServiceName } from '../config.ts';
import type { Context, Io } from '../context.ts';
import { ToolError } from '../errors.ts';

interface Check { check: string; ok: boolean; details: string }

/** `doctor`: configuration, servers, credentials, templates, a real message if wanted, statistics. */
export function doctorCommand(program: Command, io: Io): void {
  program.command('doctor').description('Check everything: configuration, servers, credentials, templates; then the statistics')
    .option('--send-to <address>', 'also send a real test message to this email address or phone number')
    .addHelpText('after', examples('doctor', 'doctor --send-to +33600000000 --yes'))
    .action(doing(io, async (context: Context, { sendTo }: { sendTo?: string }) => {
      const { config } = context;
      const checks = await Promise.all([
        check('configuration', async () => { parseMasterKeys(config.require('RAPPEL_MASTER_KEY')); config.require('DATABASE_URL'); return `from ${config.sources.join(', ')}`; }),
        check('PostgreSQL', async () => (await context.pool().query<{ v: string }>("SELECT current_setting('server_version') AS v")).rows[0]!.v),
        check('event store', async () => `at ${await (await context.store()).head() || 'its start'}`),
        check('NATS', async () => { const bus = await context.bus(); await bus.flush(); return `server ${bus.info?.version ?? '?'}`; }),
        ...(Object.keys(services) as ServiceName[]).map((name) => check(`service ${name}`, async () => Object.keys((await context.call<{ checks: object }>(name, '/health/ready')).checks).join(', '))),
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
    }));
}

async function check(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { check: name, ok: true, details: await look() };
  } catch (error) {
    return { check: name, ok: false, details: (error as Error).message.split('\n')[0]! };
  }
}

async function twilio({ config }: Context): Promise<string> {
  const [sid, token] = [config.get('TWILIO_ACCOUNT_SID'), config.get('TWILIO_AUTH_TOKEN')];
  if (!sid || !token) return 'not configured here';
  // Listing one message asks for the same rights as sending, and sends nothing.
  const url = new URL(`/2010-04-01/Accounts/${encodeURIComponent(sid)}/Messages.json?PageSize=1`, config.get('TWILIO_BASE_URL') ?? 'https://api.twilio.com');
  const response = await fetch(url, { headers: { authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString('base64')}` }, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`refused with ${response.status}`);
  return `accepted by ${url.host}`;
}

async function contentTemplates({ config }: Context): Promise<string> {
  const given = config.get('TWILIO_CONTENT_SIDS');
  if (!given) return 'none configured: free text, for the sandbox and the 24 h window';
  const missing = notificationTypes.flatMap((type) => locales.map((locale) => `${type}.${locale}`)).filter((name) => !given.includes(name));
  return missing.length > 0 ? `configured; not named: ${missing.join(', ')}` : 'all configured';
}

async function smtp({ config }: Context): Promise<string> {
  const [host, port] = [config.get('SMTP_HOST'), Number(config.get('SMTP_PORT') ?? 587)];
  if (!host) return 'not configured here';
  const hello = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host, port, timeout: 5000 });
    socket.once('data', (data) => { socket.end('QUIT\r\n'); resolve(data.toString().split('\r\n')[0]!); });
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
  });
  if (config.get('SMTP_SECURE') !== 'true' && !hello.startsWith('220')) throw new Error(`answers ${hello}`);
  return `${host}:${port} answers`;
}

function rendered(): string {
  const renderer = createRenderer();
  const item = { code: 'TEST-001', name: 'Test', dueDate: '2026-03-28' };
  for (const type of notificationTypes) {
    for (const locale of locales) {
      const model = { type: type as NotificationType, locale, firstName: 'Test', duration: 'LONG' as const, returnedAt: '14:30', daysLate: 1, level: 1, items: [item] };
      if (renderer.whatsapp(model) === '' || renderer.email(model).text === '') throw new Error(`${type} in ${locale} is empty`);
    }
  }
  return `${notificationTypes.length} types × ${channels.length} channels × ${locales.length} languages written`;
}

interface Sent { status: string | null; errorText: string | null; skipReason: string | null; notificationId: string }

async function testMessage(context: Context, address: string): Promise<string> {
  const id = `doctor-${Date.now()}`;
  const email = address.includes('@');
  await context.change('Create a test loan and send its confirmation for real?', { command: 'doctor --send-to', details: { attributionId: id } });
  const tomorrow = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
  await context.call('loan', '/attributions', {
    method: 'POST',
    body: {
      attributionId: id, duration: 'LONG', due: { date: tomorrow, zone: 'Europe/Paris' }, item: { code: 'TEST-001', name: 'Test' },
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
