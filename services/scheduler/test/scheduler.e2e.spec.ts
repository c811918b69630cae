import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, until, type Service, type Stack } from '@rappel/local-stack';
import type { EventStore } from '@rappel/event-store';
import { openEventStore } from '@rappel/service-kit';

const folder = mkdtempSync(`${tmpdir()}/rappel-scheduler-`);
let stack: Stack;
let scheduler: Service;
let loan: Service;
let store: EventStore;

/** The clock that the services share stands still where it is set. */
function setClock(origin: string): void {
  writeFileSync(`${folder}/clock.new`, JSON.stringify({ origin, anchor: new Date().toISOString(), factor: 0 }));
  renameSync(`${folder}/clock.new`, `${folder}/clock`);
}

beforeAll(async () => {
  setClock('2027-01-01T09:00:00.000Z');
  stack = await startStack({ inbox: false, twilio: false, env: { RAPPEL_AUTH: 'off', RAPPEL_CLOCK: `file:${folder}/clock`, RAPPEL_CLOSING_HOUR: '17:30', RAPPEL_DEPARTMENT_ZONES: '{"noumea":"Pacific/Noumea"}' } });
  [loan, scheduler] = await Promise.all([stack.startService('loan'), stack.startService('scheduler')]);
  store = await openEventStore(stack.env['EVENT_STORE_URL']!);
}, 120_000);
afterAll(async () => {
  await store?.close();
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const lend = (attributionId: string) => call(loan, 'POST', 'attributions', {
  attributionId, borrower: { id: 'B-1', firstName: 'Zoé', email: 'zoe.secret@example.org' },
  item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG', due: { date: '2027-01-10', zone: 'Europe/Paris' },
});
async function call<T = Record<string, unknown>>(service: Service, method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${service.url}/${path}`, { method, ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) });
  return { status: answer.status, body: await answer.json() as T };
}
const eventually = <T>(look: () => Promise<T | undefined | false>): Promise<T> => until('what was expected', async () => (await look()) || undefined);
const events = async (stream: string) => (await store.readStream(stream)).map(({ type, data }) => ({ type, data: data as Record<string, unknown> }));
const eventOf = (stream: string, type: string) => eventually(async () => (await events(stream)).find((event) => event.type === type));

test('two loans of one borrower are planned from the bus and told in one reminder', async () => {
  await Promise.all([lend('L-1'), lend('L-2')]);
  for (const id of ['L-1', 'L-2']) await eventually(async () => (await call(scheduler, 'GET', `schedule/${id}`)).status === 200);
  const { body } = await call<{ rungs: { type: string; at: string; why: string }[] }>(scheduler, 'GET', 'schedule/L-1');
  expect(body.rungs[0]).toMatchObject({ type: 'RAPPEL_J2', at: '2027-01-08T08:00:00.000Z', why: '2 days before at 09:00 (Europe/Paris)' });
  setClock('2027-01-08T08:00:00.000Z');
  expect((await eventOf('schedule-L-1', 'ReminderDue')).data).toMatchObject({ type: 'RAPPEL_J2', borrowerId: 'B-1', loans: [{ attributionId: 'L-1' }, { attributionId: 'L-2' }] });
  expect((await eventOf('schedule-L-2', 'ReminderGrouped')).data).toMatchObject({ leader: 'L-1' });
});

test('killed over the deadline, it says on its return what is still true, and the loan service is told that both are late', async () => {
  await scheduler.kill('SIGKILL');
  setClock('2027-01-10T16:50:00.000Z');
  await scheduler.restart();
  for (const id of ['L-1', 'L-2']) {
    expect((await eventOf(`attribution-${id}`, 'AttributionOverdue')).data).toMatchObject({ occurrence: 1, level: 1, daysLate: 0, companions: ['L-1', 'L-2'] });
  }
  const skipped = (await events('schedule-L-1')).filter(({ type }) => type === 'ReminderSkipped').map(({ data }) => [data['type'], data['reason']]);
  expect(skipped).toEqual([['RAPPEL_J1', 'too-late'], ['RAPPEL_FINAL', 'too-late']]);
});

test('its figures say what was told, what was not and how late', async () => {
  const figures = await (await fetch(`${scheduler.url}/metrics`)).text();
  // Of the process since its restart: both called late five minutes after the moment, the reminders of the days between skipped.
  for (const line of ['rappel_reminders_total{type="RETARD",outcome="told"} 2', 'rappel_reminders_total{type="RAPPEL_J1",outcome="too-late"} 2', 'rappel_reminder_lateness_seconds_sum{type="RETARD"} 600', 'rappel_reminders_due_seconds 0']) {
    expect(figures).toContain(line);
  }
});

test('a loan that is back is told nothing more', async () => {
  expect((await call(loan, 'POST', 'attributions/L-1/return', {})).status).toBe(200);
  await eventually(async () => (await call<{ open: boolean }>(scheduler, 'GET', 'schedule/L-1')).body.open === false);
  setClock('2027-01-11T16:50:00.000Z');
  await eventually(async () => (await events('attribution-L-2')).filter(({ type }) => type === 'AttributionOverdue').length === 2);
  expect((await events('schedule-L-1')).filter(({ type }) => type === 'OverdueMomentPassed')).toHaveLength(1);
});

test('a policy is previewed against the loans that are out, then put in force once', async () => {
  const { body: { policy, version } } = await call<{ policy: { ladders: Record<string, { overdue: object | null }> }; version: number }>(scheduler, 'GET', 'policy');
  policy.ladders['LONG']!.overdue = null;
  const preview = await call(scheduler, 'POST', 'schedule/preview', { policy });
  expect(preview.body).toMatchObject({ policyVersion: 2, change: { loans: 1, loansChanged: 1, byType: { RETARD: { before: { messages: 2 }, after: { messages: 0 } } } } });
  const change = { policy, basedOn: version, why: 'nobody is chased' };
  expect(await call(scheduler, 'PUT', 'policy', change)).toMatchObject({ status: 200, body: { version: 2, why: 'nobody is chased' } });
  expect((await call(scheduler, 'PUT', 'policy', { ...change, policy: { ...policy, quietHours: { from: '22:00', to: '07:00' } } })).status).toBe(409);
  await eventually(async () => (await call<{ policyVersion: number }>(scheduler, 'GET', 'schedule/L-2')).body.policyVersion === 2);
  expect((await call(scheduler, 'PUT', 'policy', { ...change, policy: { ladders: {} } })).status).toBe(400);
});

test('rebuilt from the events it knows the same', async () => {
  const before = await call(scheduler, 'GET', 'schedule/L-2');
  expect(await call(scheduler, 'POST', 'schedule/rebuild')).toMatchObject({ status: 200, body: { loans: 2 } });
  expect(await call(scheduler, 'GET', 'schedule/L-2')).toEqual(before);
});

test.each<[where: string, department: string | undefined]>([['at a desk with clocks of its own', 'noumea'], ['anywhere else', undefined]])('a preview %s, of a due date alone, is what such a loan gets', async (_, department) => {
  const asked = { duration: 'LONG', due: { date: '2027-02-20' }, ...(department && { department }) };
  const id = `L-preview-${department ?? 'none'}`;
  expect((await call(loan, 'POST', 'attributions', { ...asked, attributionId: id, borrower: { id: 'B-2', firstName: 'Ana', email: 'ana@example.org' }, item: { code: 'P', name: 'Perceuse' } })).status).toBe(201);
  const { rungs } = await eventually(async () => { const { status, body } = await call<{ rungs: object[] }>(scheduler, 'GET', `schedule/${id}`); return status === 200 && body; });
  const { status, body } = await call<{ loan: { zone: string; rungs: object[] } }>(scheduler, 'POST', 'schedule/preview', { loan: asked });
  expect([status, body.loan]).toEqual([200, { zone: department ? 'Pacific/Noumea' : 'Europe/Paris', rungs }]);
});
