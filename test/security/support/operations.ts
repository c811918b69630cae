import { call, services, type ServiceName, type System } from './system.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
export interface Parameter { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: JsonSchema }

/** One endpoint as the service's own OpenAPI document has it. */
export interface Operation {
  readonly service: ServiceName;
  readonly method: string;
  readonly path: string;
  /** One of these is needed; empty = any token; `public` = none. */
  readonly scopes: readonly string[] | 'public';
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly type: string; readonly schema: JsonSchema };
}

interface Documented {
  readonly security: readonly { readonly token: readonly string[] }[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Content { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }

interface Document { readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>> }

/** What each service says about itself. */
export const documentsOf = (system: System): Promise<{ service: ServiceName; document: Document }[]> =>
  Promise.all(services.map(async (service) => ({ service, document: JSON.parse((await call(`${system.urls[service]}/openapi.json`, 'get', { token: system.all })).text) as Document })));

/** Every endpoint of every service. */
export async function operationsOf(system: System): Promise<Operation[]> {
  return (await documentsOf(system)).flatMap(({ service, document }) =>
    Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, documented]) => operation({ service, method, path }, documented))));
}

function operation(where: Pick<Operation, 'service' | 'method' | 'path'>, { security, parameters, requestBody }: Documented): Operation {
  const [content] = Object.entries(requestBody?.content ?? {});
  return {
    ...where, parameters,
    scopes: security[0]?.token ?? 'public',
    ...(content && { body: { type: content[0], schema: content[1].schema } }),
  };
}
