import { describe, expect, it } from '@jest/globals';
import { due, instant } from './options.ts';

describe('a due moment on the command line', () => {
  it('is a local date, with or without a time', () => {
    expect(due('2026-03-28')).toEqual({ date: '2026-03-28' });
    expect(due('2026-03-28T18:00')).toEqual({ date: '2026-03-28', time: '18:00' });
    expect(due('2026-03-28 18:00')).toEqual({ date: '2026-03-28', time: '18:00' });
  });

  it.each(['2026-03-28T18:00Z', '2026-03-28T18:00+05:00', '2026-03-28T18:00:30', '2026-03-28T18', '28/03/2026', 'tomorrow', ''])('is refused when part of it would be left out: %s', (text) => {
    expect(() => due(text)).toThrow('Its zone goes to --zone');
  });
});

describe('a moment on the command line', () => {
  it.each([['2026-11-01', '2026-11-01T00:00:00.000Z'], ['2026-11-01T09:00+01:00', '2026-11-01T08:00:00.000Z'], ['2028-02-29T23:59:59.5Z', '2028-02-29T23:59:59.500Z']])('%s is %s', (text, at) => {
    expect(instant(text)).toBe(at);
  });

  it.each(['2026-02-30', '2026-02-29T08:00Z', '2026-04-31T08:00Z', '2026-13-01', '2026-11-01T25:00Z', '2026-11-01T08:00', 'yesterday'])('%s is none', (text) => {
    expect(() => instant(text)).toThrow('It is a moment with its zone');
  });
});
