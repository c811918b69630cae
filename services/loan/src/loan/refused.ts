/** A rule of lending was broken: `unknown-attribution`, `attribution-exists`, `attribution-closed`, `unknown-borrower`, `id-reused`. */
export class LoanRefused extends Error {
  override readonly name = 'LoanRefused';
  readonly code: 'unknown-attribution' | 'attribution-exists' | 'attribution-closed' | 'unknown-borrower' | 'id-reused';
  constructor(code: LoanRefused['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export const isLoanRefused = (error: unknown): error is LoanRefused => error instanceof LoanRefused;
