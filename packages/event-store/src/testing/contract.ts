import { afterAll, beforeAll, describe } from '@jest/globals';
import { appendCases } from './append.ts';
import { modelCases } from './model.ts';
import { oddCases } from './odd.ts';
import { outageCases } from './outage.ts';
import { raceCases } from './races.ts';
import { readCases } from './read.ts';
import type { GetSubject, Subject } from './subject.ts';
import { subscriptionCases } from './subscribe.ts';

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
