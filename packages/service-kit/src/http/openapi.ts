import { RequestMethod } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { z } from 'zod';
import { SCOPES } from '../auth/scopes.ts';
import { ENDPOINT } from './endpoint.ts';
import type { EndpointDescription } from './endpoint.ts';

type Json = Record<string, unknown>;

interface Route {
  readonly method: string;
  /** `/loans/{id}` */
  readonly path: string;
  readonly scopes: readonly string[] | 'public';
  readonly description?: EndpointDescription;
  readonly form: boolean;
}

const join = (...parts: string[]): string => `/${parts.flatMap((part) => part.split('/')).filter((part) => part !== '').join('/')}`;

function routesOf(controller: object & { name?: string }): Route[] {
  const prototype = (controller as { prototype: object }).prototype;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  return names.flatMap((name) => {
    const handler = (prototype as Record<string, object>)[name]!;
    const path = Reflect.getMetadata('path', handler) as string | undefined;
    const method = Reflect.getMetadata('method', handler) as RequestMethod | undefined;
    if (path === undefined || method === undefined) return [];
    return [{
      method: RequestMethod[method].toLowerCase(),
      path: join(String(Reflect.getMetadata('path', controller) ?? ''), path).replaceAll(/:(\w+)/g, '{$1}'),
      scopes: (Reflect.getMetadata(SCOPES, handler) ?? Reflect.getMetadata(SCOPES, controller) ?? ['nobody']) as Route['scopes'],
      description: Reflect.getMetadata(ENDPOINT, handler) as EndpointDescription,
      form: (Reflect.getMetadata('__fastify_route_config__', handler) as { form?: boolean } | undefined)?.form === true,
    }];
  });
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
};

function parametersOf({ path, description }: Route): Json[] {
  const params = description?.params ? schemaOf(description.params, 'input')['properties'] as Json : {};
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: params[name!] ?? { type: 'string' } }));
  if (!description?.query) return inPath;
  const query = schemaOf(description.query, 'input') as { properties?: Json; required?: string[] };
  return [...inPath, ...Object.entries(query.properties ?? {}).map(([name, schema]) => ({ name, in: 'query', required: query.required?.includes(name) ?? false, schema }))];
}

const failure = (description: string): Json => ({ description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } });

function doneOf({ answer, answerType }: EndpointDescription): Json {
  const content = answer || answerType ? { content: { [answerType ?? 'application/json']: { schema: answer ? schemaOf(answer, 'output') : { type: 'string' } } } } : {};
  return { description: 'Done', ...content };
}

function answersOf({ method, scopes, description = { summary: '' } }: Route): Json {
  return {
    [description.status ?? (method === 'post' ? 201 : 200)]: doneOf(description),
    400: failure('The request does not fit the schema'),
    ...(scopes !== 'public' && { 401: failure('No valid token'), 403: failure('The token lacks the scope') }),
    429: failure('Too many requests'),
  };
}

function operationOf(route: Route): Json {
  const { description, scopes, form } = route;
  const body = description?.body && { required: true, content: { [form ? 'application/x-www-form-urlencoded' : 'application/json']: { schema: schemaOf(description.body, 'input') } } };
  return {
    summary: description?.summary ?? '',
    ...(description?.tags && { tags: description.tags }),
    parameters: parametersOf(route),
    ...(body && { requestBody: body }),
    responses: answersOf(route),
    security: scopes === 'public' ? [] : [{ token: [...scopes] }],
  };
}

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), issues: z.array(z.object({ path: z.string(), message: z.string() })).optional() }) });

/** The OpenAPI 3.1 document of the running application, read from its controllers. `security` lists the scopes, one of which is needed. */
export function openApiOf(modules: ModulesContainer, title: string): Json {
  const controllers = [...modules.values()].flatMap((module) => [...module.controllers.values()].map(({ metatype }) => metatype as object));
  const paths: Record<string, Json> = {};
  for (const route of controllers.flatMap(routesOf).sort((a, b) => a.path.localeCompare(b.path))) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: `Rappel: ${title}`, version: '1' },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API key (`rpl_…`) or a JWT of the configured issuer' } },
      schemas: { Error: schemaOf(errorSchema, 'output') },
    },
  };
}
