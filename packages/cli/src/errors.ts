/** What the process ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, refused: 3, unreachable: 4 } as const;

/** Something to tell the operator in one line, without a stack trace. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly code = 'tool-error';
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
