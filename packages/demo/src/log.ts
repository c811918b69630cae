import type { LoggedNotification } from './check.ts';

const PAGE = 500;

/** Every notification in the log, page by page, as any client of the read API would get them. */
export async function readLog(url: string, token: string): Promise<LoggedNotification[]> {
  const rows: LoggedNotification[] = [];
  for (let cursor: string | null | undefined = ''; cursor !== undefined && cursor !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) });
    const response = await fetch(`${url}/notifications?${query}`, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(`the log answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
    const page = await response.json() as { items: LoggedNotification[]; next?: string | null };
    rows.push(...page.items);
    cursor = page.next;
  }
  return rows;
}
