import { expect, test } from '@jest/globals';
import type { Logger } from './logger.ts';
import { patiently, withPatience } from './patience.ts';

function listener() {
  const said: string[] = [];
  return { said, logger: { warn: (_: object, text: string) => { said.push(text); } } as unknown as Logger };
}
const settings = { ca: 'THE_CA', address: 'THE_HOST', plain: '' };
const failing = (code: string, times: number) => {
  let left = times;
  return async () => { if (left-- > 0) throw Object.assign(new Error('no'), { code }); return 'there'; };
};

test('waits for what is only starting, and says so', async () => {
  const { said, logger } = listener();
  expect(await withPatience(failing('ECONNREFUSED', 3), { what: 'PostgreSQL', logger, settings, everyMs: 1 })).toBe('there');
  expect(await withPatience(failing('57P03', 1), { what: 'PostgreSQL', logger, settings, everyMs: 1 })).toBe('there');
  expect(said).toEqual(['waiting for PostgreSQL', 'waiting for PostgreSQL']);
});

test('does not wait for what waiting cannot mend, nor for ever', async () => {
  const { said, logger } = listener();
  await expect(withPatience(failing('28P01', 1), { what: 'PostgreSQL', logger, settings })).rejects.toMatchObject({ code: '28P01' });
  expect(said).toEqual([]);
  await expect(withPatience(failing('ECONNREFUSED', 1e9), { what: 'PostgreSQL', logger, settings, everyMs: 1, patienceMs: 20 })).rejects.toMatchObject({ message: 'PostgreSQL did not answer within 0 s', cause: { code: 'ECONNREFUSED' } });
  const why = async () => undefined;
  await expect(patiently(new Promise(() => undefined), { what: 'NATS', logger, settings, why, patienceMs: 20 })).rejects.toThrow('NATS did not answer within 0 s');
  expect(await patiently(Promise.resolve(1), { what: 'NATS', logger, settings, why })).toBe(1);
});

test('says which setting mends it where nothing else does', async () => {
  const { said, logger } = listener();
  await expect(withPatience(failing('CERT_HAS_EXPIRED', 1), { what: 'PostgreSQL', logger, settings })).rejects.toThrow(/^PostgreSQL: no: .*renewed/);
  let asked = 0;
  const why = async () => Object.assign(new Error('no'), { code: asked++ === 0 ? 'ECONNREFUSED' : 'SELF_SIGNED_CERT_IN_CHAIN' });
  await expect(patiently(new Promise(() => undefined), { what: 'NATS', logger, settings, why, everyMs: 1 })).rejects.toThrow(/^NATS: no: .*THE_CA/);
  expect(said).toEqual(['waiting for NATS']);
});
