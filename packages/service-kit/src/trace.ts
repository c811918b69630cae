import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

interface Trace { readonly traceId: string; readonly spanId: string; readonly traceparent: string }
const traces = new AsyncLocalStorage<Trace>();

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** Runs `work` inside a W3C trace: the given one, or a new one when there is none or it is malformed. Log lines carry its id. */
export function withTrace<T>(traceparent: string | undefined, work: () => T): T {
  const [, traceId = randomBytes(16).toString('hex')] = pattern.exec(traceparent ?? '') ?? [];
  const spanId = randomBytes(8).toString('hex');
  return traces.run({ traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` }, work);
}

/** The `traceparent` to put on what is caused here; `undefined` outside a trace. */
export const currentTraceparent = (): string | undefined => traces.getStore()?.traceparent;

/** For log lines. */
export const traceFields = (): { trace?: string } => {
  const trace = traces.getStore();
  return trace ? { trace: trace.traceId } : {};
};
