import { afterEach, describe, expect, it } from '@jest/globals';
import { AckPolicy, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { findSettled } from '../src/relay-settle.ts';
import { standingOf } from '../src/standing.ts';
import { cleanUp, cleanUps, openBus, unique } from './kit.ts';

afterEach(cleanUp);

/** The server as it answers for a moment after a stream has taken messages: it has not counted them for the consumer yet. */
function lateInCounting(jsm: JetStreamManager): JetStreamManager {
  const info: JetStreamManager['consumers']['info'] = async (...args) => ({ ...await jsm.consumers.info(...args), num_pending: 0 });
  return { streams: jsm.streams, consumers: { info } } as unknown as JetStreamManager;
}

async function openStream(): Promise<{ jsm: JetStreamManager; stream: string; tell: (...subjects: string[]) => Promise<void>; acknowledge: (messages: number) => Promise<void> }> {
  const jsm = await jetstreamManager(await openBus());
  const js = jsm.jetstream();
  const stream = unique('standing');
  cleanUps.push(() => jsm.streams.delete(stream));
  await jsm.streams.add({ name: stream, subjects: [`${stream}.*.*`] });
  await jsm.consumers.add(stream, { durable_name: 'reader', ack_policy: AckPolicy.Explicit, filter_subject: `${stream}.mine.*` });
  return {
    jsm, stream,
    tell: async (...subjects) => { for (const subject of subjects) await js.publish(`${stream}.${subject}`); },
    acknowledge: async (messages) => {
      const reader = await js.consumers.get(stream, 'reader');
      for await (const message of await reader.fetch({ max_messages: messages, expires: 5000 })) await message.ackAck();
    },
  };
}

describe('what a consumer has settled', () => {
  it('is not taken from a count that the server has not made yet', async () => {
    const { jsm, stream, tell, acknowledge } = await openStream();
    await tell('mine.1', 'mine.2', 'mine.3', 'others.1');
    const late = lateInCounting(jsm);
    expect(await standingOf(late, stream, 'reader')).toEqual({ floor: 0, outstanding: 1 });
    const { created } = await jsm.streams.info(stream);
    expect(await findSettled({ jsm: late, stream, consumers: ['reader'], acknowledged: 'p4' })).toEqual({ created });

    await acknowledge(2);
    expect(await standingOf(late, stream, 'reader')).toEqual({ floor: 2, outstanding: 1 });
    expect(await findSettled({ jsm: late, stream, consumers: ['reader'], acknowledged: 'p4' })).toMatchObject({ purgeBelow: 3 });
  });

  it('is everything once the last message that is for it is acknowledged, whatever others follow', async () => {
    const { jsm, stream, tell, acknowledge } = await openStream();
    await tell('others.1');
    expect(await standingOf(jsm, stream, 'reader')).toEqual({ floor: 0, outstanding: 0 });
    await tell('mine.1', 'others.2', 'others.3');
    await acknowledge(1);
    expect(await standingOf(jsm, stream, 'reader')).toMatchObject({ outstanding: 0 });
    expect(await findSettled({ jsm, stream, consumers: ['reader'], acknowledged: 'p4' })).toMatchObject({ position: 'p4', purgeBelow: 4 });
  });

  it('counts what is on its way to a worker', async () => {
    const { jsm, stream, tell } = await openStream();
    await tell('mine.1', 'mine.2');
    const message = await (await jsm.jetstream().consumers.get(stream, 'reader')).next();
    expect(await standingOf(lateInCounting(jsm), stream, 'reader')).toEqual({ floor: 0, outstanding: 1 });
    expect(await standingOf(jsm, stream, 'reader')).toEqual({ floor: 0, outstanding: 2 });
    message!.ack();
  });
});
