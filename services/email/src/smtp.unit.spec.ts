import { expect, test } from '@jest/globals';
import { withoutAddress } from './smtp.ts';

test.each([
  ['550 5.1.1 <marie.durand@exemple.fr>: Recipient address rejected', 'marie.durand@exemple.fr', '550 5.1.1 <<address>>: Recipient address rejected'],
  ['550 5.1.1 User marie.durand unknown', 'marie.durand@exemple.fr', '550 5.1.1 User <address> unknown'],
  ["550 no mailbox 'MARIE+prêt' here, marie is another", 'marie+prêt@exemple.fr', "550 no mailbox '<address>' here, marie is another"],
  ['550 relay for other@elsewhere.example denied', 'marie@exemple.fr', '550 relay for <address> denied'],
  ['451 try again', 'a@exemple.fr', '451 try again'],
])('what a server says is kept without the address: %s', (text, recipient, kept) => {
  expect(withoutAddress(text, recipient)).toBe(kept);
});
