export * from './port.ts';
export * from './errors.ts';
export { derivedIds } from './derived-id.ts';
export * from './handle-command.ts';
export { createInMemoryEventStore } from './memory.ts';
export { MAX_EVENT_BYTES, prepareAppends, requireName, type PreparedAppend, type PreparedEvent } from './prepare.ts';
export { pagesOf, subscribeByPages, type Page, type PageSource } from './paging.ts';
export { copyStore, exportEvents, importEvents, TransferBroken, type Progress, type Transferred, type TransferOptions } from './transfer.ts';
export { upcasting, type Upcast } from './upcast.ts';
