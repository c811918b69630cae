import { expect, test } from '@jest/globals';
import { createHealthChecks } from './health.ts';
import { createLogger } from './logger.ts';
import { createShutdown } from './shutdown.ts';

test('closes stage by stage, once, and goes on when something does not close', async () => {
  const closed: string[] = [];
  const shutdown = createShutdown(createLogger('test', { LOG_LEVEL: 'silent' }));
  const closing = (name: string) => async () => { await Promise.resolve(); closed.push(name); };
  shutdown.add('pools', 'pool', closing('pool'));
  shutdown.add('relays', 'broken', () => { throw new Error('no'); });
  shutdown.add('relays', 'relay', closing('relay'));
  shutdown.add('intake', 'http', closing('http'));
  shutdown.add('feeds', 'feed', closing('feed'));
  await Promise.all([shutdown.run(), shutdown.run()]);
  expect(closed).toEqual(['feed', 'http', 'relay', 'pool']);
});

test('ready is all checks up, and serving', async () => {
  const health = createHealthChecks();
  health.add('bus', () => undefined);
  expect((await health.run()).ready).toBe(false);
  health.setServing(true);
  expect(await health.run()).toEqual({ ready: true, checks: { bus: 'up' } });
  health.add('store', () => Promise.reject(new Error('no')));
  expect(await health.run()).toEqual({ ready: false, checks: { bus: 'up', store: 'down' } });
});
