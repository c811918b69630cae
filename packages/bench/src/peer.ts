import { createRequire } from 'node:module';
import { join } from 'node:path';
import { workspaceRoot } from '@rappel/local-stack';

const require = createRequire(join(workspaceRoot, 'packages/bench/package.json'));

/** What Rappel is measured beside: loaded as it was installed, when it is needed, not bundled. */
export const peer = <T>(name: string): T => require(name) as T;
