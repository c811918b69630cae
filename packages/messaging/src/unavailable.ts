// Nothing is wrong with the message when one of these comes up: connection errors of Node, and PostgreSQL's classes for
// lost connections (08), shutdown and start-up (57P), and too many connections (53300).
const codes = /^(store-unavailable|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|08\w{3}|57P0\d|53300|CONNECTION_CLOSED)$/;
// node-postgres gives these no code.
const texts = /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after/;

/** Whether an error says that a server could not be reached, here or in what caused it. */
export function isUnavailable(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (codes.test(String((cause as { code?: unknown }).code)) || texts.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true;
  }
  return false;
}
