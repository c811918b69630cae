// The HTTP endpoints of each service, read from its controllers.
import { serviceNames, sourcesIn } from './services.ts';

/** Controllers that several services share. */
const shared: Readonly<Record<string, readonly string[]>> = { email: ['packages/notification/src/nest'], whatsapp: ['packages/notification/src/nest'] };

const controllersIn = (folder: string): string[] => sourcesIn(folder, '.controller.ts');

function routesOf(code: string): string[] {
  const prefix = /@Controller\((?:'([^']*)')?\)/.exec(code)?.[1] ?? '';
  return [...code.matchAll(/@(Get|Post|Put|Delete)\((?:'([^']*)')?\)/g)]
    .map(([, method, path]) => `${method!.toUpperCase()} /${[prefix, path ?? ''].filter(Boolean).join('/')}`);
}

const endpoints = new Map(serviceNames.map((name) => [name, ['packages/service-kit/src/http', `services/${name}/src`, ...shared[name] ?? []].flatMap(controllersIn).flatMap(routesOf)]));

/** Whether a service answers there. A path segment of the code that begins with a colon fits anything. */
export const answers = (service: string, method: string, path: string): boolean => (endpoints.get(service) ?? [])
  .some((route) => new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`).test(`${method} ${path}`));
