// The Kubernetes manifests, read as kubectl would and held against Kubernetes' own schemas.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { read, root } from './services.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

const folder = 'infra/kubernetes';
export const files: readonly string[] = readdirSync(join(root, folder)).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
export const kustomization = parse(read(folder, 'kustomization.yaml')) as { resources: string[]; images: { name: string }[] };
export const documentsOf = (file: string): Manifest[] => parseAllDocuments(read(folder, file)).map((document) => document.toJS() as Manifest);
export const manifests: readonly Manifest[] = files.flatMap(documentsOf);
export const find = <T = Manifest>(kind: string, name: string): T | undefined => manifests.find((one) => one.kind === kind && one.metadata.name === name) as T | undefined;

const schemas: Readonly<Record<string, () => Promise<unknown>>> = {
  v1: () => import('kubernetes-models/v1'),
  'apps/v1': () => import('kubernetes-models/apps/v1'),
  'networking.k8s.io/v1': () => import('kubernetes-models/networking.k8s.io/v1'),
  'policy/v1': () => import('kubernetes-models/policy/v1'),
};

interface Model { readonly prototype: { validate(this: object): void } }

/** What is wrong with a manifest by the schema of its kind: bad values, missing fields, and fields that the schema does not know. */
export async function problemsOf(manifest: Manifest): Promise<string[]> {
  const models = await schemas[manifest.apiVersion]?.() as Record<string, Model | undefined> | undefined;
  const Kind = models?.[manifest.kind];
  if (!Kind) return [`${manifest.apiVersion} has no ${manifest.kind}`];
  const looked = new Set<string>();
  try {
    // A model copies what it is made from, so the schema is put on the manifest itself.
    Kind.prototype.validate.call(watched(manifest, '', looked));
  } catch (error) {
    return [(error as Error).message];
  }
  // A schema that knows a field looks at it.
  return pathsOf(manifest).filter((path) => !looked.has(path)).map((path) => `${path}: unknown field`);
}

function watched<T extends object>(value: T, path: string, looked: Set<string>): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const field: unknown = Reflect.get(target, key, receiver);
      if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return field;
      looked.add(`${path}/${key}`);
      return typeof field === 'object' && field !== null ? watched(field, `${path}/${key}`, looked) : field;
    },
  });
}

const pathsOf = (value: object, path = ''): string[] => Object.entries(value)
  .flatMap(([key, field]) => [`${path}/${key}`, ...(typeof field === 'object' && field !== null ? pathsOf(field as object, `${path}/${key}`) : [])]);
