import type { RpcExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';

/**
 * Lets what a handler threw reach the strategy as it is. Without it Nest puts "Internal server error" in its place, and neither the
 * dead letter nor the difference between a poisonous message and an unreachable server would be known.
 */
export const passErrors: RpcExceptionFilter = { catch: (error: unknown): Observable<never> => throwError(() => error) };
