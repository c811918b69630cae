import type { Verdict } from './compare.ts';

const FEW = 8;

/** The figures and every check, with the first few things that are wrong. */
export function reportLines({ figures, checks }: Verdict): string {
  const settled = Object.entries(figures.settled).map(([how, times]) => `${times} ${how}`).join(', ') || 'none';
  const lines: [string, string | number][] = [
    ['loans in', `${figures.loans} (${figures.commands} commands acknowledged)`],
    ['messages expected', figures.expected],
    ['received', figures.received],
    ['not sent, with a reason', figures.skipped],
    ['held for an operator', figures.held],
    ['lost', figures.lost],
    ['doubled WhatsApp', figures.doubledWhatsapp],
    ['doubled email', `${figures.doubledEmail} (and ${figures.doubledByPolicy} sent again as the policy allows)`],
    ['unknown outcomes', figures.unknown],
    ['settlements', settled],
    ['longest recovery', `${figures.longestRecovery} s`],
  ];
  return [
    ...lines.map(([name, value]) => `${name.padEnd(24)} ${value}`),
    ...checks.flatMap(({ what, wrong }) => [
      `${wrong.length === 0 ? '✓' : '✗'} ${what}${wrong.length > 0 ? `: ${wrong.length} wrong` : ''}`,
      ...wrong.slice(0, FEW).map((one) => `    ${one}`),
      ...(wrong.length > FEW ? [`    … and ${wrong.length - FEW} more`] : []),
    ]),
  ].join('\n');
}
