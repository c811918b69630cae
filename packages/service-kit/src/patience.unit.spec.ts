import { expect, test } from '@jest/globals';
import type { Logger } from './logger.ts';
import { patiently, withPatience } from './patience.ts';

function listener() {
  const said: string[] = [];
  return { said, logger: { warn: (_: object, text: string) => { said.push(text); } } as unknown as Logger };
}
const failing = (code: string, times: number) => {
  let left = times;
  return async () => { if (left-- > 0) throw Object.assign(new Error('no'), { code }); return 'there'; };
};

test('waits for what is only starting, and says so', async () => {
  const { said, logger } = listener();
  expect(await withPatience(failing('ECONNREFUSED', 3), { what: 'PostgreSQL', logger, everyMs: 1 })).toBe('there');
  expect(await withPatience(failing('57P03', 1), { what: 'PostgreSQL', logger, everyMs: 1 })).toBe('there');
  expect(said).toEqual(['waiting for PostgreSQL', 'waiting for PostgreSQL']);
});

test('does not wait for what waiting cannot mend, nor for ever', async () => {
  const { said, logger } = listener();
  await expect(withPatience(failing('28P01', 1), { what: 'PostgreSQL', logger })).rejects.toMatchObject({ code: '28P01' });
  expect(said).toEqual([]);
  await expect(withPatience(failing('ECONNREFUSED', 1e9), { what: 'PostgreSQL', logger, everyMs: 1, patienceMs: 20 })).rejects.toMatchObject({ message: 'PostgreSQL did not answer within 0 s', cause: { code: 'ECONNREFUSED' } });
  await expect(patiently(new Promise(() => undefined), { what: 'NATS', logger, patienceMs: 20 })).rejects.toThrow('NATS did not answer within 0 s');
  expect(await patiently(Promise.resolve(1), { what: 'NATS', logger })).toBe(1);
});
