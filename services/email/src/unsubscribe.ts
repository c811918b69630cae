import { createLookup } from '@rappel/privacy';

/** Links that switch off one borrower's mails, signed so that nobody can make one for somebody else. */
export interface UnsubscribeLinks {
  /** `<borrower>.<signature>`, both base64url. */
  token(borrowerId: string): string;
  /** The borrower that a token is for; undefined when it was not made here. */
  read(token: string): string | undefined;
}

export function createUnsubscribeLinks(masterKey: string): UnsubscribeLinks {
  const lookup = createLookup(masterKey);
  // The look-up folds case, so what is signed is in hexadecimal.
  const signed = (borrowerId: string): string => `unsubscribe@${Buffer.from(borrowerId).toString('hex')}`;
  return {
    token: (borrowerId) => `${Buffer.from(borrowerId).toString('base64url')}.${lookup.of(signed(borrowerId))}`,
    read: (token) => {
      const [id = '', signature = ''] = token.split('.');
      const borrowerId = Buffer.from(id, 'base64url').toString();
      return lookup.all(signed(borrowerId)).includes(signature) ? borrowerId : undefined;
    },
  };
}
