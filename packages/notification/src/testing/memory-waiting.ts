import type { Claim, Waiting, WaitingList } from '../waiting.ts';

interface Row extends Waiting { readonly revision: number; readonly claimedUntil: string }

/** The list in memory, for unit tests and the simulation. `realNow` is UTC ISO. */
export function createMemoryWaiting(realNow: () => string): WaitingList & { rows(): readonly Waiting[] } {
  const rows = new Map<string, Row>();
  let revisions = 0;
  const store = (waiting: Waiting): void => { rows.set(waiting.notificationId, { ...waiting, revision: ++revisions, claimedUntil: '' }); };
  return {
    rows: () => [...rows.values()],
    put: async (waiting) => store(waiting),
    claim: async ({ limit, leaseMs, now, inTurn = false }) => {
      const real = realNow();
      const due = [...rows.values()].filter(({ notBefore = '', notBeforeReal = '', claimedUntil }) => notBefore <= now && notBeforeReal <= real && claimedUntil <= real);
      const taken = due.sort((a, b) => (inTurn ? 0 : a.priority - b.priority) || a.revision - b.revision).slice(0, limit);
      const claimedUntil = new Date(Date.parse(real) + leaseMs).toISOString();
      return taken.map((row): Claim => { rows.set(row.notificationId, { ...row, claimedUntil }); return row; });
    },
    finish: async (claim, next) => {
      if (rows.get(claim.notificationId)?.revision !== claim.revision) return;
      rows.delete(claim.notificationId);
      if (next) store(next);
    },
    counts: async () => {
      const counts: Record<string, number> = {};
      for (const { reason } of rows.values()) counts[reason] = (counts[reason] ?? 0) + 1;
      return counts;
    },
  };
}
