import { afterAll, beforeAll } from '@jest/globals';
import { forget } from './forget.ts';
import { fuzz } from './fuzz/fuzz.ts';
import { matrix } from './matrix.ts';
import { retention } from './retention.ts';
import { startSystem, type System } from './support/system.ts';

let system: System;
beforeAll(async () => { system = await startSystem(); }, 300_000);
afterAll(async () => { await system?.stop(); }, 60_000);

matrix(() => system);
forget('PostgreSQL', () => system);
retention('PostgreSQL', () => system);
fuzz(() => system);
