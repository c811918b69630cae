import type { LoggedNotification } from './check.ts';

const PAGE = 500;

/** Every notification in the log, page by page, as any client of the read API would get them. */
export async function readLog<Row extends LoggedNotification = LoggedNotification>(url: string, token: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null | undefined = ''; cursor !== undefined && cursor !== null;) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) });
    const response = await fetch(`${url}/notifications?${query}`, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(`the log answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
    const page = await response.json() as { items: Row[]; next?: string | null };
    rows.push(...page.items);
    cursor = page.next;
  }
  return rows;
}
