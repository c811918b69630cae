export type { LoggedNotification } from './check.ts';
export { ORIGIN, type Planned } from './fleet.ts';
export { readLog } from './log.ts';
export { createQuiet, type Look, type Quiet } from './quiet.ts';
export { createSteering, type Steering } from './steering.ts';
export { publishUntilAnswered } from './upstream.ts';
