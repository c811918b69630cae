import { z } from 'zod';

/** An approved content template. */
export const contentSchema = z.strictObject({
  sid: z.string().regex(/^HX[0-9a-f]{32}$/),
  friendlyName: z.string().default('template'),
  language: z.string().default('fr'),
  /** Variables with their sample values; their names are `1`, `2`, … or words. */
  variables: z.record(z.string(), z.string()).default({}),
  /** Text with `{{name}}` for each variable. */
  body: z.string().default(''),
});
export type Content = z.input<typeof contentSchema>;
type StoredContent = z.output<typeof contentSchema>;

export interface Contents {
  /** From the first registered template on, unknown SIDs are refused; before, every well-formed SID is taken. */
  register(contents: Content[]): void;
  find(sid: string): StoredContent | undefined;
  all(): StoredContent[];
  clear(): void;
}

export function createContents(): Contents {
  const contents = new Map<string, StoredContent>();
  return {
    register(added) {
      for (const content of added) contents.set(content.sid, contentSchema.parse(content));
    },
    find(sid) {
      if (contents.size > 0) return contents.get(sid);
      const parsed = contentSchema.safeParse({ sid });
      return parsed.success ? parsed.data : undefined;
    },
    all: () => [...contents.values()],
    clear: () => contents.clear(),
  };
}

export function toContentJson(content: StoredContent, accountSid: string): Record<string, unknown> {
  const url = `https://content.twilio.com/v1/Content/${content.sid}`;
  return {
    sid: content.sid, account_sid: accountSid, friendly_name: content.friendlyName, language: content.language, variables: content.variables,
    types: { 'twilio/text': { body: content.body } }, url,
    date_created: '2024-01-01T00:00:00Z', date_updated: '2024-01-01T00:00:00Z',
    links: { approval_fetch: `${url}/ApprovalRequests`, approval_create: `${url}/ApprovalRequests/whatsapp` },
  };
}

export function toApprovalJson(content: StoredContent, accountSid: string): Record<string, unknown> {
  return {
    sid: content.sid, account_sid: accountSid, url: `https://content.twilio.com/v1/Content/${content.sid}/ApprovalRequests`,
    whatsapp: { type: 'whatsapp', name: content.friendlyName, category: 'UTILITY', content_type: 'twilio/text', status: 'approved', rejection_reason: '', allow_category_change: true },
  };
}

export function fillIn(body: string, variables: Record<string, string>): string {
  return body.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => variables[name] ?? whole);
}
