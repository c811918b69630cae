/** Injection tokens of the loan service. */
export const LOANS = 'loan:loans';
export const BORROWERS = 'loan:borrowers';
export const RETENTION = 'loan:retention';
export const SUBJECT_ACCESS = 'loan:subject-access';
