import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { answer, createStrategy, dead, done, passErrors, retry, writeEnvelope, type Message, type Outcome } from '../src/index.ts';
import { cleanUp, cleanUps, event, headersOf, openBus, openQueue, publishEvent, runStrategy, until } from './kit.ts';
import { createMemoryDeadLetters } from '../src/testing/index.ts';

afterEach(cleanUp);

describe('the transport strategy', () => {
  it('hands messages to ordinary Nest handlers and acknowledges them', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const seen: Message[] = [];
    class Hands {
      async on(message: Message): Promise<Outcome> {
        seen.push(message);
        if (seen.length === 1) throw new Error('once');
        return done;
      }
    }
    EventPattern(`${queue.prefix}.one`)(Hands.prototype, 'on', Object.getOwnPropertyDescriptor(Hands.prototype, 'on')!);
    Payload()(Hands.prototype, 'on', 0);
    Controller()(Hands);
    class App {}
    Module({ controllers: [Hands] })(App);

    const strategy = createStrategy({ bus, deadLetters: createMemoryDeadLetters(), consumers: [{ ...queue, createStream: true }] });
    const app = await NestFactory.createMicroservice(App, { strategy, logger: false });
    app.useGlobalFilters(passErrors);
    await app.listen();
    cleanUps.push(() => app.close());
    await strategy.ready();

    const sent = event({ subject: 'loan-1', traceparent: '00-ab-cd-01', correlationid: 'c-1' });
    publishEvent(bus, `${queue.prefix}.one`, sent);
    await until('the handler', () => seen.length === 2);
    expect(strategy.stats()[0]!.lastError).toBe('Error: once');
    expect(seen[1]).toMatchObject({ event: sent, deliveries: 2, subject: `${queue.prefix}.one` });
    await until('the acknowledgement', async () => (await strategy.lag())[`${queue.stream}/worker`] === 0);
    expect(strategy.healthy()).toBeUndefined();
  });

  it('delivers again what failed, later each time, and buries what fails for good with its original bytes', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const deliveries: number[] = [];
    const { strategy, dead: letters } = await runStrategy(bus, { ...queue, createStream: true, maxTries: 2 }, {
      [`${queue.prefix}.bad`]: async (message) => { deliveries.push(message.deliveries); throw new Error('broken'); },
    });
    const sent = event({ data: { word: 'été' } });
    publishEvent(bus, `${queue.prefix}.bad`, sent);
    await until('the dead letter', () => letters.size === 1);
    expect(deliveries).toEqual([1, 2]);
    const [letter] = letters.values();
    expect(letter).toMatchObject({ consumer: 'worker', stream: queue.stream, sequence: 1, deliveries: 2, subject: `${queue.prefix}.bad`, reason: 'failed 2 times, last: Error: broken' });
    expect(letter!.headers['ce-id']).toBe(sent.id);
    expect(Buffer.from(letter!.payload).toString()).toBe('{"word":"été"}');
    await until('the queue is empty', async () => (await strategy.lag())[`${queue.stream}/worker`] === 0);
  });

  it('does not count retries towards poison', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const deliveries: number[] = [];
    const { dead: letters } = await runStrategy(bus, { ...queue, createStream: true, maxTries: 2 }, {
      [`${queue.prefix}.later`]: async (message) => {
        deliveries.push(message.deliveries);
        return deliveries.length < 6 ? retry(5, 'not yet') : done;
      },
    });
    publishEvent(bus, `${queue.prefix}.later`, event());
    await until('the last try', () => deliveries.length === 6);
    expect(deliveries).toEqual([1, 1, 1, 1, 1, 1]);
    expect(letters.size).toBe(0);
  });

  it('keeps the messages of one key in order and runs others beside them', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const order = new Map<string, number[]>();
    let most = 0;
    let running = 0;
    await runStrategy(bus, { ...queue, createStream: true, concurrency: 16 }, {
      [`${queue.prefix}.*`]: async ({ event: { subject, data } }) => {
        most = Math.max(most, ++running);
        const { n } = data as { n: number };
        const line = order.get(subject!) ?? [];
        const retried = n % 7 === 0 && line.at(-1) !== -n;
        line.push(retried ? -n : n);
        order.set(subject!, line);
        await new Promise((resolve) => { setTimeout(resolve, n % 3); });
        running--;
        return retried && n > 0 ? retry(3, 'once more') : done;
      },
    });
    for (let n = 1; n <= 20; n++) for (let key = 0; key < 10; key++) publishEvent(bus, `${queue.prefix}.any`, event({ subject: `k${key}`, data: { n } }));
    const wanted = Array.from({ length: 20 }, (_, i) => i + 1);
    await until('all of them', () => [...order.values()].flat().filter((n) => n > 0).length === 200);
    for (const line of order.values()) {
      expect(line.filter((n) => n > 0)).toEqual(wanted);
      expect(line.map(Math.abs).join()).toBe(line.map(Math.abs).sort((a, b) => a - b).join());
    }
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(10);
  });

  it('answers requests after the handler, also those of a JetStream client, and says what is wrong', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const handled: string[] = [];
    const { dead: letters } = await runStrategy(bus, { ...queue, createStream: true, requests: true }, {
      [`${queue.prefix}.do`]: async ({ event: { id }, request }) => {
        handled.push(`${id}${request ? '?' : ''}`);
        return answer({ accepted: id });
      },
      [`${queue.prefix}.no`]: async () => dead('refused', [{ path: 'data.n', message: 'too small' }]),
    });
    const sent = event();
    const { headers, payload } = writeEnvelope(sent);
    const ask = async (subject: string, body: Uint8Array | string = payload, head = headers) =>
      (await bus.request(`${queue.prefix}.${subject}`, body, { headers: headersOf(head), timeout: 5000 })).json<Record<string, any>>();

    expect(await ask('do')).toEqual({ accepted: sent.id, stream: queue.stream, seq: 0 });
    const ack = await jetstream(bus).publish(`${queue.prefix}.do`, payload, { headers: headersOf(headers), msgID: sent.id });
    expect(ack).toMatchObject({ stream: queue.stream, accepted: sent.id });
    await until('both copies', () => handled.length === 4);

    expect(await ask('no')).toEqual({ error: { code: 400, message: 'refused', description: 'refused', issues: [{ path: 'data.n', message: 'too small' }] } });
    expect(await ask('do', '{', {})).toMatchObject({ error: { code: 400, message: expect.stringContaining('not JSON') } });
    expect(await ask('unheard-of')).toMatchObject({ error: { code: 400, message: expect.stringContaining('nothing handles') } });
    await expect(jetstream(bus).publish(`${queue.prefix}.no`, payload, { headers: headersOf(headers) })).rejects.toThrow('refused');
    // The copies in the stream leave the dead letters, with the original bytes.
    await until('the dead letters', () => letters.size === 4);
    expect([...letters.values()].map((letter) => Buffer.from(letter.payload).toString())).toContain('{');
    expect((await (await jetstreamManager(bus)).streams.info(queue.stream)).state.messages).toBe(0);
  });

  it('parks a version that nobody knows, passes over what concerns others, and keeps its pace with a long stream', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const jsm = await jetstreamManager(bus);
    await jsm.streams.add({ name: queue.stream, subjects: [`${queue.prefix}.>`] });
    let handled = 0;
    const count = async () => { handled++; return done; };
    const { strategy, dead: letters } = await runStrategy(bus, { ...queue, subjects: [`${queue.prefix}.>`] }, { [`${queue.prefix}.a.v1`]: count, [`${queue.prefix}.b.v1`]: count });
    const padded = { filler: 'x'.repeat(600) };
    for (let n = 0; n < 16_000; n++) {
      publishEvent(bus, `${queue.prefix}.${'abc'[n % 3]}.v1`, event({ data: padded }));
      if (n % 1000 === 0) await bus.flush();
    }
    publishEvent(bus, `${queue.prefix}.b.v2`, event());
    await until('all are through', async () => (await strategy.lag())[`${queue.stream}/worker`] === 0 && letters.size === 1, 40_000);
    expect(handled).toBe(10_667);
    expect([...letters.values()]).toMatchObject([{ subject: `${queue.prefix}.b.v2`, reason: `nothing handles ${queue.prefix}.b.v2` }]);
  });

  it('does not answer on subjects of the requester’s choice', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    let handled = 0;
    await runStrategy(bus, { ...queue, createStream: true, requests: true }, { [`${queue.prefix}.*`]: async () => { handled++; return done; } });
    const { headers, payload } = writeEnvelope(event());
    bus.publish(`${queue.prefix}.a`, payload, { headers: headersOf(headers), reply: `${queue.prefix}.b` });
    await until('the copy', () => handled === 1);
    const info = await (await jetstreamManager(bus)).streams.info(queue.stream);
    expect(info.state.last_seq).toBe(1);
  });
});
