import { Body, Param, Query, SetMetadata } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { z } from 'zod';

/** What came in is not what the schema says. `issues` name paths and what is wrong, never a value. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  readonly code = 'invalid-input';
  readonly issues: readonly { path: string; message: string }[];
  constructor(error: z.ZodError) {
    super('the request does not fit the schema');
    this.issues = error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.').slice(0, 200), message: message.slice(0, 200) }));
  }
}

const pipe = (schema: z.ZodType): PipeTransform => ({
  transform(value: unknown) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new InvalidInput(parsed.error);
    return parsed.data;
  },
});

/** The parsed body / query / path parameters; a misfit is answered with 400 `invalid-input`. */
export const ZodBody = (schema: z.ZodType): ParameterDecorator => Body(pipe(schema));
export const ZodQuery = (schema: z.ZodType): ParameterDecorator => Query(pipe(schema));
export const ZodParams = (schema: z.ZodType): ParameterDecorator => Param(pipe(schema));

export interface EndpointDescription {
  readonly summary: string;
  readonly body?: z.ZodType;
  /** An object schema; each key is one query parameter. */
  readonly query?: z.ZodType;
  readonly params?: z.ZodType;
  /** Default status 200 (201 for POST, as Nest does). */
  readonly status?: number;
  readonly answer?: z.ZodType;
  /** Other than JSON, e.g. `text/csv`. */
  readonly answerType?: string;
  readonly tags?: readonly string[];
}
export const ENDPOINT = 'rappel:endpoint';
/** What the OpenAPI document says of an endpoint. */
export const Endpoint = (description: EndpointDescription): MethodDecorator => SetMetadata(ENDPOINT, description);

/** Takes `application/x-www-form-urlencoded` instead of JSON (a provider's webhook). */
export const AcceptsForm = (): MethodDecorator => RouteConfig({ form: true }) as MethodDecorator;
