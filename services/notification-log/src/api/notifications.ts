import { BadRequestException } from '@nestjs/common';
import type { EventStore } from '@rappel/event-store';
import { notificationStream } from '@rappel/notification';
import { changing, findNotifications, isBefore, placeIn, redactedBefore, rowsAsOf, stopOf, type Filter, type LogRow, type Place, type Reader } from '@rappel/read-model';
import type { z } from 'zod';
import type { Recipients } from '../recipients.ts';
import { cursorOf, placeOf } from './cursor.ts';
import { filterOf, type Notification as Shown, type NotificationPage, type NotificationWithTimeline, type PageQuery } from './schemas.ts';

/** What HTTP and NATS both answer about notifications. `personal` = the reader may see addresses. */
export interface Notifications {
  page(query: PageQuery & Record<string, unknown>, personal: boolean): Promise<z.infer<typeof NotificationPage>>;
  one(wanted: { id: string; asOf?: string | undefined }, personal: boolean): Promise<z.infer<typeof NotificationWithTimeline> | undefined>;
  /** All of a filter, page by page, in the order they were requested. */
  all(filter: Filter, personal: boolean): AsyncGenerator<Shown[]>;
  /** The rows that are there of these ids. */
  some(ids: readonly string[], personal: boolean): Promise<Shown[]>;
}

export interface NotificationsOptions {
  readonly pool: Reader;
  readonly store: EventStore;
  readonly recipients: Recipients;
}

const EXPORT_PAGE = 2000;

export function createNotifications({ pool, store, recipients }: NotificationsOptions): Notifications {
  async function shown(rows: readonly LogRow[], personal: boolean): Promise<Shown[]> {
    const addresses = await recipients(rows, personal);
    return rows.map((row, i) => ({ ...row, recipient: addresses[i]! }) as Shown);
  }

  async function one({ id, asOf }: { id: string; asOf?: string | undefined }, personal: boolean) {
    const [row] = asOf === undefined ? await findNotifications(pool, { where: { notificationId: [id] }, limit: 1 }) : await asItWas([id], asOf);
    if (!row) return undefined;
    const events = await store.readStream(notificationStream(id));
    const timeline = events.filter((event) => asOf === undefined || isBefore(stopOf(asOf), event)).map(({ version, type, data, metadata, recordedAt }) => ({
      version, type, recordedAt, at: String((data as { at?: unknown }).at ?? recordedAt),
      actor: metadata.actor ?? null, correlationId: metadata.correlationId ?? null, data: data as Record<string, unknown>,
    }));
    return { ...(await shown([row], personal))[0]!, timeline };
  }

  async function asItWas(ids: readonly string[], asOf: string): Promise<LogRow[]> {
    // A place that the store cannot read from is no place.
    if (!asOf.includes('T')) await store.readAll({ after: asOf, limit: 1 }).catch(() => { throw new BadRequestException('asOf is not a place in this log'); });
    return (await rowsAsOf(store, ids, stopOf(asOf), await redactedBefore(pool))).filter((row) => row !== undefined);
  }

  return {
    one,
    async page(query, personal) {
      const { limit, order, cursor, asOf } = query;
      const filter = filterOf(query);
      const unknown = asOf === undefined ? [] : changing(filter);
      if (unknown.length > 0) throw new BadRequestException(`asOf goes with what never changes (attributionId, borrowerId, department, type, channel, requestedAt …), not with ${unknown.join(', ')}`);
      const rows = await findNotifications(pool, { ...filter, order, limit: limit + 1, ...(cursor && { after: placeOf(cursor) }) });
      const found = rows.slice(0, limit);
      const items = await shown(asOf === undefined ? found : await asItWas(found.map(({ notificationId }) => notificationId), asOf), personal);
      return { items, next: rows.length > limit ? cursorOf(placeIn(filter, rows[limit - 1]!)) : null };
    },
    async *all(filter, personal) {
      for (let after: Place | undefined; ;) {
        const rows = await findNotifications(pool, { ...filter, order: 'asc', limit: EXPORT_PAGE, ...(after && { after }) });
        if (rows.length > 0) yield shown(rows, personal);
        if (rows.length < EXPORT_PAGE) return;
        after = placeIn(filter, rows.at(-1)!);
      }
    },
    some: async (ids, personal) => shown(await findNotifications(pool, { where: { notificationId: ids }, limit: ids.length }), personal),
  };
}
