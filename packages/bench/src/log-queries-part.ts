import type { Part } from './context.ts';
import { benchLogQueries } from './log-queries.ts';

/** How long the read API's questions take with many notifications stored. No peer: it is our tables that are asked. */
export const logQueries: Part = async ({ hosts, notifications, smoke, say }) => {
  const { url, stop } = await hosts.server();
  try {
    const rows = await benchLogQueries({ databaseUrl: url, notifications, times: smoke ? 2 : 200, onStep: (step) => say(`  ${step}`) });
    return rows.map(({ question, p50, p99, max }) => ({
      name: `log of ${notifications.toLocaleString('en')}: ${question}, p99`, unit: 'ms' as const, value: p99, note: `p50 ${p50} ms, slowest ${max} ms`,
    }));
  } finally {
    await stop();
  }
};
