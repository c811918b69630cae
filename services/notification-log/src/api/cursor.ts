import { BadRequestException } from '@nestjs/common';
import type { Place } from '@rappel/read-model';

/** Opaque to the caller: the place of the last notification of a page. */
export const cursorOf = ({ at, notificationId }: Place): string => Buffer.from(`${at} ${notificationId}`).toString('base64url');

export function placeOf(cursor: string): Place {
  const [at, notificationId] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (!at || Number.isNaN(Date.parse(at)) || !/^[0-9a-f-]{36}$/.test(notificationId ?? '')) throw new BadRequestException('not a cursor of this API');
  return { at, notificationId: notificationId! };
}
