import { lineSettings, tlsTrouble } from '@rappel/tls';

/** What the process ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, refused: 3, unreachable: 4, interrupted: 130 } as const;

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

const unreachable = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'store-unavailable', '57P03', '53300']);
const wrongSettings = new Map([['28P01', 'DATABASE_URL, EVENT_STORE_URL'], ['28000', 'DATABASE_URL, EVENT_STORE_URL'], ['3D000', 'DATABASE_URL, EVENT_STORE_URL'], ['master-key-missing', 'RAPPEL_MASTER_KEY']]);
const wrongFile = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM']);

/** Any error as one line and an exit code. */
export function toToolError(error: unknown): ToolError {
  if (error instanceof ToolError) return error;
  if (!(error instanceof Error)) return new ToolError(String(error));
  // NATS and the services have been told by their own names before.
  const trouble = tlsTrouble(error, lineSettings.postgres);
  if (trouble) return new ToolError(`PostgreSQL: ${trouble.text}`, exitCodes.usage, { cause: error });
  const codes = chain(error).flatMap((one) => (one as { code?: string }).code ?? []);
  if (codes.some((code) => wrongFile.has(code))) return new ToolError(error.message, exitCodes.usage);
  const wrong = codes.map((code) => wrongSettings.get(code)).find(Boolean);
  if (wrong) return new ToolError(`${error.message} (${wrong})`, exitCodes.usage);
  const message = [...new Set(chain(error).map((one) => one.message || one.name))].filter((text, i, all) => !all.slice(0, i).some((before) => before.includes(text))).join(': ');
  if (!codes.some((code) => unreachable.has(code))) return new ToolError(message);
  // Stores, NATS and services say themselves that it is they who are away; only the pool of the read model does not.
  return new ToolError(codes.includes('store-unavailable') ? message : `PostgreSQL is not available: ${message} (DATABASE_URL)`, exitCodes.unreachable);
}

function chain(error: Error): Error[] {
  const inner = error instanceof AggregateError ? error.errors[0] as unknown : error.cause;
  return [error, ...(inner instanceof Error ? chain(inner) : [])];
}
