import { BadRequestException } from '@nestjs/common';
import type { LogRow, Place } from '@rappel/read-model';

/** Opaque to the caller: the place of the last notification of a page. */
export const cursorOf = ({ requestedAt, notificationId }: LogRow): string => Buffer.from(`${requestedAt} ${notificationId}`).toString('base64url');

export function placeOf(cursor: string): Place {
  const [requestedAt, notificationId] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (!requestedAt || Number.isNaN(Date.parse(requestedAt)) || !/^[0-9a-f-]{36}$/.test(notificationId ?? '')) throw new BadRequestException('not a cursor of this API');
  return { requestedAt, notificationId: notificationId! };
}
