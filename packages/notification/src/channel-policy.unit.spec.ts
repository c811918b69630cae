import { describe, expect, it } from '@jest/globals';
import { chooseChannels, defaultChannelConfig, type ChannelFacts } from './channel-policy.ts';
import { INVALID_PHONE, parsePhone } from './phone.ts';

const facts = (preferences: Partial<ChannelFacts['preferences']> = {}, rest: Partial<ChannelFacts> = {}): ChannelFacts =>
  ({ preferences: { email: true, whatsapp: true, both: false, fallback: true, ...preferences }, has: { email: true, phone: true }, ...rest });
const choose = (given: ChannelFacts, options: Partial<Parameters<typeof chooseChannels>[2]> = {}): string[] => {
  const { EMAIL, WHATSAPP } = chooseChannels(given, 'RAPPEL_J1', { config: defaultChannelConfig, ...options });
  return [EMAIL, WHATSAPP].map((choice) => (choice.kind === 'skip' ? choice.reason : choice.kind));
};

describe('the channel policy', () => {
  it.each([
    ['email first', facts(), {}, ['send', 'other']],
    ['WhatsApp where email is off', facts({ email: false }), {}, ['other', 'send']],
    ['WhatsApp where there is no address', facts({}, { has: { email: false, phone: true } }), {}, ['other', 'send']],
    ['what the borrower prefers', facts({ preferred: 'WHATSAPP' }), {}, ['other', 'send']],
    ['what the service prefers', facts(), { config: { preferred: 'WHATSAPP' } }, ['other', 'send']],
    ['both where both are wanted', facts({ both: true }), {}, ['send', 'send']],
    ['one where both are wanted and one has no address', facts({ both: true }, { has: { email: true, phone: false } }), {}, ['send', 'other']],
    ['nothing, said once', facts({ email: false, whatsapp: false }), {}, ['preference', 'other']],
    ['no address anywhere', facts({}, { has: { email: false, phone: false } }), {}, ['no-address', 'other']],
    ['the other where one is suppressed', facts({}, { suppressed: { EMAIL: true } }), {}, ['other', 'send']],
    ['suppressed, and nothing else', facts({ whatsapp: false }, { suppressed: { EMAIL: true } }), {}, ['suppressed', 'other']],
    ['a rung that is for WhatsApp only', facts({ both: true }), { rung: ['WHATSAPP'] }, ['other', 'send']],
    ['such a rung where WhatsApp is off', facts({ whatsapp: false }), { rung: ['WHATSAPP'] }, ['other', 'preference']],
    ['a type that is for email only', facts({ both: true }), { config: { preferred: 'EMAIL', perType: { RAPPEL_J1: ['EMAIL'] } } }, ['send', 'other']],
  ] as const)('%s', (_, given, options, expected) => expect(choose(given, options as never)).toEqual(expected));
});

describe('phone numbers', () => {
  it.each(['0612345678', '06 12 34 56 78', '612345678', '33612345678', '+33612345678', '0033612345678', '+33 (0)6 12 34 56 78', '(+33) 6 12 34 56 78', '06–12–34–56–78', '٠٦١٢٣٤٥٦٧٨', '０６１２３４５６７８', 'whatsapp:+33612345678', 'tel:+33-6-12-34-56-78'])('%s', (raw) => expect(parsePhone(raw, 'FR')).toBe('+33612345678'));
  it.each(['jean@example.org', 'invalid_phone', '06 12 34 56 7a', '12', '', '+999999999999', '0612345678;ext=1'])('refuses %j', (raw) => expect(parsePhone(raw, 'FR')).toBeUndefined());
  it('needs a country for a number without one', () => {
    expect(parsePhone('612345678')).toBeUndefined();
    expect(parsePhone('+33612345678')).toBe('+33612345678');
    expect(INVALID_PHONE).toBe('Invalid recipient phone number');
  });
});
