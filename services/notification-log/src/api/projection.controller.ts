import { Controller, Get, Inject } from '@nestjs/common';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { logState, PROJECTION, setAside } from '@rappel/read-model';
import { Endpoint, POOL, Scopes, STORE } from '@rappel/service-kit';
import { z } from 'zod';
import type { Projector } from '../projector.ts';
import { PROJECTOR } from '../tokens.ts';

const State = z.object({
  projection: z.string(), version: z.int(),
  role: z.enum(['starting', 'writer', 'standby', 'stopped']).describe('of the instance that answers; one writer over all'),
  checkpoint: z.string(), head: z.string().describe('end of the event store'), caughtUp: z.boolean(),
  events: z.int().describe('folded in since the start'), behindMs: z.int().describe('age of the oldest event not yet folded in, 0 when caught up'),
  recordedAt: z.string().nullable(), writtenAt: z.string().nullable(), poison: z.int().describe('events set aside'),
});
const Poison = z.object({ items: z.array(z.object({ stream: z.string(), version: z.int(), eventId: z.string(), type: z.string(), checkpoint: z.string(), reason: z.string(), recordedAt: z.string() })) });

const untouched = { checkpoint: '', events: 0, recordedAt: null, writtenAt: null, poison: 0 };

/** How far the log has come, and what it could not take. */
@Controller('projection')
export class ProjectionController {
  readonly #pool: Pool;
  readonly #store: EventStore;
  readonly #projector: Projector;
  constructor(@Inject(POOL) pool: Pool, @Inject(STORE) store: EventStore, @Inject(PROJECTOR) projector: Projector) {
    this.#pool = pool;
    this.#store = store;
    this.#projector = projector;
  }

  @Get()
  @Scopes('log:read', 'ops')
  @Endpoint({ summary: 'Position, lag and events set aside', answer: State, tags: ['projection'] })
  async state(): Promise<z.infer<typeof State>> {
    const { checkpoint, events, recordedAt, writtenAt, poison } = await logState(this.#pool) ?? untouched;
    const [next] = await this.#store.readAll({ after: checkpoint, categories: ['notification'], limit: 1 });
    return {
      projection: PROJECTION.name, version: PROJECTION.version, role: this.#projector.status().role, checkpoint, head: await this.#store.head(),
      caughtUp: next === undefined, events, behindMs: next ? Math.max(1, Date.now() - Date.parse(next.recordedAt)) : 0, recordedAt, writtenAt, poison,
    };
  }

  @Get('poison')
  @Scopes('ops')
  @Endpoint({ summary: 'Events set aside, and why', answer: Poison, tags: ['projection'] })
  async poison(): Promise<z.infer<typeof Poison>> {
    return { items: await setAside(this.#pool) };
  }
}
