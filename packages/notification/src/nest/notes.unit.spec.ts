import { expect, test } from '@jest/globals';
import { createLogger } from '@rappel/service-kit';
import { Registry } from 'prom-client';
import type { Gate } from '../gate.ts';
import { createMemoryWaiting } from '../testing/memory-waiting.ts';
import { createNotes } from './notes.ts';

test('a line names the step, and no address that a text brings along', () => {
  const lines: string[] = [];
  const logger = createLogger('email', {}, { write: (line) => { lines.push(line); } });
  const note = createNotes({ channel: 'EMAIL', logger, registry: new Registry(), gate: {} as Gate, waiting: createMemoryWaiting(() => '') });
  note({ what: 'failed', notificationId: 'n-1', type: 'CREATION', detail: 'RECIPIENT 5.1.1: <marie@example.org> or +33612345678 unknown' });
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', channel: 'EMAIL', notificationId: 'n-1', type: 'CREATION', detail: 'RECIPIENT 5.1.1: <[email]> or [phone] unknown', msg: 'EMAIL message failed' });
});
