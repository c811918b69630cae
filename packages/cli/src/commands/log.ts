import type { Command } from 'commander';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { count, instant } from '../options.ts';

interface Notification {
  notificationId: string; attributionId: string; type: string; channel: string; status: string | null; attempts: number; errorClass: string | null; errorCode: string | null;
  errorText: string | null; requestedAt: string; sentAt: string | null; delivery: string | null; recipient: string | null; phase: string; skipReason: string | null;
  timeline: { version: number; type: string; at: string; actor: string | null; data: Record<string, unknown> }[];
}
interface Page { items: Notification[]; next: string | null }
type Filters = Record<string, string> & { limit: number };
const PAGE = 500;

/** `failed` and `show`. */
export function logCommands(program: Command, io: Io): void {
  program.command('failed').description('Notifications that failed, newest first')
    .option('--channel <channel>').option('--type <type>').option('--class <class>', 'RECIPIENT, CONFIG, TRANSIENT, …').option('--code <code>').option('--from <instant>', 'requested at or after', instant).option('--to <instant>', 'requested before', instant)
    .option('--error <words>', 'words of the message').option('--limit <n>', 'most shown', count(100_000), 50)
    .addHelpText('after', examples('failed --channel WHATSAPP', 'failed --class RECIPIENT --json'))
    .action(doing(io, async (context: Context, { channel, type, class: errorClass, code, from, to, error, limit }: Filters) => {
      const query = { status: 'ECHEC,ECHEC_PERMANENT', channel: channel?.toUpperCase(), type, errorClass, errorCode: code, requestedAtFrom: from, requestedAtTo: to, error };
      const items: Notification[] = [];
      let after: string | null | undefined;
      do {
        const page = await context.call<Page>('notification-log', '/notifications', { query: { ...query, limit: Math.min(PAGE, limit - items.length), ...(after && { cursor: after }) } });
        items.push(...page.items);
        after = page.next;
      } while (after && items.length < limit);
      context.out.answer(items, () => {
        context.out.table(['id', 'type', 'channel', 'status', 'tries', 'class', 'code', 'message'],
          items.map((one) => [one.notificationId, one.type, one.channel, one.status, one.attempts, one.errorClass, one.errorCode, one.errorText?.slice(0, 60)]));
        if (after) context.out.line(context.out.dim('… and more: --limit, --from, --to'));
      });
    }));

  program.command('show <id>').description('One notification with everything that happened to it')
    .addHelpText('after', examples('show 2c75edef-bde2-4641-836e-6a4015c806ab'))
    .action(doing(io, async (context: Context, id: string) => {
      if (!/^[0-9a-f-]{36}$/i.test(id)) throw new ToolError('a notification id is a UUID', exitCodes.usage);
      const one = await context.call<Notification>('notification-log', `/notifications/${id}`);
      context.out.answer(one, () => {
        context.out.line(`${one.type} by ${one.channel} for loan ${one.attributionId}: ${one.status ?? `skipped (${one.skipReason})`}${one.delivery ? `, ${one.delivery}` : ''}, to ${one.recipient ?? '-'}`);
        context.out.table(['#', 'when', 'what', 'details', 'who'], one.timeline.map(({ version, at, type, actor, data }) => [version, at, type, details(data), actor]));
      });
    }));
}

const shown = ['number', 'providerId', 'class', 'code', 'text', 'reason', 'detail', 'delivery', 'verdict', 'evidence', 'retryAt', 'until', 'by', 'why'];
const details = (data: Record<string, unknown>): string => shown.filter((key) => data[key] !== undefined).map((key) => `${key}=${String(data[key]).slice(0, 50)}`).join(' ');
