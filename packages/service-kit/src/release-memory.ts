/**
 * Gives back to the system what starting up took and nobody needs any more: V8 would keep it, with a young generation grown to its
 * full 32 MB, until long after. Takes some tens of milliseconds, so it is done before the first request. The inspector's
 * word for it is the only one that also shrinks the young generation; a Node without an inspector goes on with what it has.
 */
export async function releaseMemory(): Promise<void> {
  const inspector = await import('node:inspector').catch(() => undefined);
  if (!inspector) return;
  const session = new inspector.Session();
  session.connect();
  await new Promise<void>((resolve) => { session.post('HeapProfiler.collectGarbage', () => resolve()); });
  session.disconnect();
}
