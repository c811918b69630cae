import { expect, test } from '@jest/globals';
import type { Personal } from '@rappel/event-store';
import type { LogRow } from '@rappel/read-model';
import { createRecipients } from './recipients.ts';

const now = '2027-04-01T00:00:00.000Z';
const ago = (days: number): string => new Date(Date.parse(now) - days * 86_400_000).toISOString();
const recipient: Personal = { state: 'open', subject: 'b-1', fields: { recipient: 'marie@example.org' } };
const row = (requestedAt: string): LogRow => ({ recipient, requestedAt }) as LogRow;
const erasing = { open: async (): Promise<Personal> => ({ state: 'erased', subject: 'b-1' }) };
const opening = { open: async (personal: Personal) => personal };
const recipients = (days: number, vault: object = opening) => createRecipients({ vault: vault as never, clock: { now: () => now } as never, days });

test('a recipient reads [REDACTED] from the ninetieth day on, for whoever asks', async () => {
  const rows = [row(ago(89)), row(ago(91))];
  expect(await recipients(90)(rows, true)).toEqual(['marie@example.org', '[REDACTED]']);
  expect(await recipients(90)(rows, false)).toEqual(['m***@e***.org', '[REDACTED]']);
});

test('the number of days is a setting', async () => {
  expect(await recipients(10)([row(ago(9)), row(ago(11))], true)).toEqual(['marie@example.org', '[REDACTED]']);
});

test('without its key a recipient reads [REDACTED] on the first day', async () => {
  expect(await recipients(90, erasing)([row(ago(0))], true)).toEqual(['[REDACTED]']);
});
