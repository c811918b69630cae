import { afterAll, beforeAll, describe } from '@jest/globals';
import type { EventStore } from '../port.ts';
import { appendCases } from './append.ts';
import { modelCases } from './model.ts';
import { oddCases } from './odd.ts';
import { outageCases } from './outage.ts';
import { raceCases } from './races.ts';
import { readCases } from './read.ts';
import { subscriptionCases } from './subscribe.ts';

/** What the suite is run on. Everything else in it may already hold events: the suite keeps to streams of its own. */
export interface Subject {
  readonly store: EventStore;
  /** The same events through other connections, as another process has them. In memory: the same store. */
  readonly other: EventStore;
  /** Takes the server away and brings it back with its events; resolves when it is back. In memory: nothing. */
  readonly restart: () => Promise<void>;
  /** Closes both stores and whatever was started. */
  readonly close: () => Promise<void>;
}

export type GetSubject = () => Subject;

/** The contract of the port, whole: one call in an adapter's test file, nothing to choose. */
export function eventStoreContract(name: string, open: () => Promise<Subject>): void {
  describe(`event store contract: ${name}`, () => {
    let subject: Subject | undefined;
    beforeAll(async () => { subject = await open(); });
    afterAll(() => subject?.close());
    const get: GetSubject = () => subject!;
    describe('appending', () => appendCases(get));
    describe('odd and big payloads', () => oddCases(get));
    describe('reading', () => readCases(get));
    describe('races', () => raceCases(get));
    describe('subscribing', () => subscriptionCases(get));
    describe('random operations beside the model', () => modelCases(get));
    describe('the server goes away', () => outageCases(get));
  });
}
