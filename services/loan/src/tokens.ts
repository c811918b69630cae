/** Injection tokens of the loan service. */
export const LOANS = 'loan:loans';
export const BORROWERS = 'loan:borrowers';
