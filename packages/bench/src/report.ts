import Table from 'cli-table3';
import { short, type Row } from './figures.ts';

/** The result as a table: value, spread, the peer in the same run, ratio, target. */
export function resultTable(rows: readonly Row[]): string {
  const table = new Table({ head: ['measured', 'Rappel', 'min – max', 'beside', 'ratio', 'target', ''], style: { head: [], border: [], compact: true }, colAligns: ['left', 'right', 'right', 'left', 'right', 'left', 'left'] });
  for (const row of rows) table.push(cells(row));
  return table.toString();
}

const verdict = (met: boolean | undefined): string => (met === undefined ? '' : met ? 'met' : 'MISSED');

function cells(row: Row): string[] {
  if ('notRun' in row) return [row.name, 'not run', '', row.notRun, '', '', ''];
  const { name, unit, value, rounds = [], beside, ratio, target = '', met, note } = row;
  return [
    note ? `${name}\n  ${note}` : name,
    withUnit(value, unit),
    rounds.length > 1 ? `${short(Math.min(...rounds))} – ${short(Math.max(...rounds))}` : '',
    beside ? `${beside.name}: ${withUnit(beside.value, unit)}` : '',
    ratio === undefined ? '' : ratio.toFixed(2),
    target, verdict(met),
  ];
}

const withUnit = (value: number, unit: string): string => (unit === '/s' ? `${short(value)}/s` : `${short(value)} ${unit}`);
