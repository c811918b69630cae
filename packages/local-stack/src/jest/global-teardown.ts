export default async function tearDown(): Promise<void> {
  await globalThis.stopTestServers?.();
  globalThis.stopTestServers = undefined;
}
