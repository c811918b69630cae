import { channels, notificationTypes } from '@rappel/contracts';
import Table from 'cli-table3';
import type { LoggedNotification, Verdict } from './check.ts';

const columns = ['ENVOYEE', 'EN_ATTENTE', 'ECHEC', 'ECHEC_PERMANENT', 'skipped'] as const;
const columnOf = ({ status, skipReason }: LoggedNotification): string => (skipReason ? 'skipped' : status ?? 'skipped');

/** How many notifications of each type and channel ended how. */
export function outcomeTable(rows: readonly LoggedNotification[]): string {
  const table = new Table({ head: ['type', 'channel', ...columns], style: { head: [], border: [], compact: true }, colAligns: ['left', 'left', ...columns.map(() => 'right' as const)] });
  for (const type of notificationTypes) {
    for (const channel of channels) {
      const own = rows.filter((row) => row.type === type && row.channel === channel);
      table.push([type, channel, ...columns.map((column) => own.filter((row) => columnOf(row) === column).length || '')]);
    }
  }
  table.push(['total', '', ...columns.map((column) => rows.filter((row) => columnOf(row) === column).length)]);
  return table.toString();
}

/** Each check on a line, with the first few things that are wrong under it. */
export function verdictLines({ checks }: Verdict): string {
  return checks.flatMap(({ what, wrong }) => [
    `${wrong.length === 0 ? '✓' : '✗'} ${what}${wrong.length > 0 ? `: ${wrong.length} wrong` : ''}`,
    ...wrong.slice(0, 5).map((one) => `    ${one}`),
    ...(wrong.length > 5 ? [`    … and ${wrong.length - 5} more`] : []),
  ]).join('\n');
}
