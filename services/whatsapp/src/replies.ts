/** What a borrower asks by writing a single word back: no more messages, or messages again. */
export type Wish = 'stop' | 'start';

// Twilio's own words, and what French-speaking borrowers write; compared without accents, case and punctuation.
const words: Readonly<Record<Wish, readonly string[]>> = {
  stop: ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'OPTOUT', 'REVOKE', 'ARRET', 'ARRETE', 'ARRETER', 'ARRETEZ', 'DESABONNER', 'DESINSCRIRE', 'DESINSCRIPTION', 'FIN'],
  start: ['START', 'UNSTOP', 'SUBSCRIBE', 'OPTIN', 'REPRENDRE', 'REPRISE', 'RECOMMENCER', 'REABONNER', 'REINSCRIRE'],
};

const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase().replace(/[^A-Z0-9]+/g, '');

/** Reads a reply. `optOutType` is Twilio's own reading, where Advanced Opt-Out is on. Anything longer than the word is no wish. */
export function wishOf({ body = '', optOutType }: { readonly body?: string; readonly optOutType?: string }): Wish | undefined {
  if (optOutType === 'STOP') return 'stop';
  if (optOutType === 'START') return 'start';
  if (body.length > 40) return undefined;
  const word = plain(body);
  return (['stop', 'start'] as const).find((wish) => words[wish].includes(word));
}
