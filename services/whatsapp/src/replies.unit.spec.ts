import { describe, expect, it } from '@jest/globals';
import { wishOf } from './replies.ts';

describe('a reply', () => {
  it.each(['STOP', 'stop', ' Stop. ', 'Arrêt', 'ARRET', 'arrêter !', 'se désabonner'.slice(3), 'UNSUBSCRIBE', 'opt-out', '🛑 STOP'])('%s asks for no more messages', (body) => expect(wishOf({ body })).toBe('stop'));
  it.each(['START', 'start!', 'Reprendre', 'unstop', 'réabonner'])('%s asks for messages again', (body) => expect(wishOf({ body })).toBe('start'));
  it.each(['', 'merci', 'oui', 'yes', 'je veux arrêter le prêt demain', 'do not stop', '🙂', 'STOP'.repeat(50)])('%s asks for neither', (body) => expect(wishOf({ body })).toBeUndefined());
  it('is read by Twilio first, where it reads', () => {
    expect(wishOf({ body: 'whatever', optOutType: 'STOP' })).toBe('stop');
    expect(wishOf({ body: 'STOP', optOutType: 'START' })).toBe('start');
    expect(wishOf({ body: 'STOP', optOutType: 'HELP' })).toBe('stop');
    expect(wishOf({})).toBeUndefined();
  });
});
