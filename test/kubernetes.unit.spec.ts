import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { documentsOf, files, find, kustomization, manifests, problemsOf, type Manifest } from './support/manifests.ts';
import { bundles, read, serviceNames, services, systemPaths } from './support/services.ts';

interface Probe { readonly httpGet: { readonly path: string; readonly port: string } }
interface Variable { readonly name: string; readonly value?: string; readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } } }
interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: [{
    readonly image: string;
    readonly args: string[];
    readonly ports: { readonly name: string; readonly containerPort: number }[];
    readonly envFrom: { readonly configMapRef: { readonly name: string } }[];
    readonly env: Variable[];
    readonly securityContext: object;
    readonly resources: { readonly requests: object; readonly limits: object };
    readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
  } & Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', Probe>];
}
interface Deployment { readonly spec: { readonly replicas: number; readonly selector: { readonly matchLabels: object }; readonly template: { readonly metadata: { readonly labels: object; readonly annotations: Record<string, string> }; readonly spec: Pod } } }
type Fronted = { readonly spec: { readonly selector: object; readonly ports: { readonly port: number; readonly targetPort: string }[] } };

const secret = find<{ stringData: Record<string, string> }>('Secret', 'rappel')!.stringData;
const deploymentOf = (name: string): Deployment => find<Deployment>('Deployment', name)!;

/** The environment of a container with every secret filled in. */
function environmentOf(name: string): Record<string, string> {
  const [{ envFrom, env }] = deploymentOf(name).spec.template.spec.containers;
  const filled: Record<string, string> = {
    ...Object.fromEntries(Object.keys(secret).map((key) => [key, createHash('sha256').update(key).digest('hex')])),
    DATABASE_URL: 'postgres://rappel:5f2c0e@postgres.rappel-data:5432/rappel',
    EVENT_STORE_URL: 'kurrentdb://rappel:5f2c0e@kurrentdb.rappel-data:2113',
    TWILIO_ACCOUNT_SID: `AC${'1a'.repeat(16)}`,
  };
  return Object.assign(
    {},
    ...envFrom.map(({ configMapRef }) => find<{ data: Record<string, string> }>('ConfigMap', configMapRef.name)!.data),
    Object.fromEntries(env.map(({ name: key, value, valueFrom }) => [key, value ?? filled[valueFrom!.secretKeyRef.key]])),
  ) as Record<string, string>;
}

describe('the manifests', () => {
  it.each(manifests.map((manifest): [string, Manifest] => [`${manifest.kind} ${manifest.metadata.name}`, manifest]))('%s has only what Kubernetes knows', async (_, manifest) => {
    expect(await problemsOf(manifest)).toEqual([]);
  });

  it('are all in the base, but the template of the secret', () => {
    expect([...kustomization.resources].sort()).toEqual(files.filter((file) => file !== 'secret.example.yaml').sort());
    expect(manifests.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name).sort()).toEqual([...serviceNames]);
  });

  it('hold no secret', () => {
    expect(Object.values(secret).filter((value) => value !== '')).toEqual([]);
  });

  it('notice a field that Kubernetes does not know', async () => {
    const [deployment] = documentsOf('loan.yaml') as [Manifest];
    expect(await problemsOf({ ...deployment, spec: { ...(deployment['spec'] as object), replica: 2 } })).toEqual(['/spec/replica: unknown field']);
  });
});

describe('a deployment', () => {
  it.each(services)('runs $name from its bundle, with keys that it knows, in production', async ({ name, keys, required, parse }) => {
    const [{ args, image }] = deploymentOf(name).spec.template.spec.containers;
    expect(kustomization.images.map((one) => one.name)).toContain(image);
    expect(args).toEqual([`dist/${name}.mjs`]);
    expect(await bundles()).toContain(name);
    const environment = environmentOf(name);
    expect(Object.keys(environment).filter((key) => !keys.includes(key))).toEqual([]);
    expect(required.filter((key) => !(key in environment))).toEqual([]);
    expect(environment['NODE_ENV']).toBe('production');
    expect(() => parse({ HOST: '0.0.0.0', ...environment })).not.toThrow();
  });

  it.each(services)('serves and probes $name where it listens', ({ name, port }) => {
    const { template, selector } = deploymentOf(name).spec;
    const [container] = template.spec.containers;
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }]);
    expect(template.metadata.annotations['prometheus.io/port']).toBe(String(port));
    expect(systemPaths).toContain(template.metadata.annotations['prometheus.io/path']);
    const { selector: fronted, ports } = find<Fronted>('Service', name)!.spec;
    expect(fronted).toEqual(selector.matchLabels);
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(ports).toEqual([{ name: 'http', port, targetPort: 'http' }]);
    expect(find<{ spec: object }>('PodDisruptionBudget', name)!.spec).toEqual({ maxUnavailable: 1, selector });
    expect([container.startupProbe, container.livenessProbe, container.readinessProbe].map(({ httpGet }) => httpGet)).toEqual(
      ['/health/live', '/health/live', '/health/ready'].map((path) => ({ path: systemPaths.find((known) => known === path), port: 'http' })),
    );
  });

  it.each(services)('gives $name no rights, a read-only root, and time to finish', ({ name, parse }) => {
    const pod = deploymentOf(name).spec.template.spec;
    const [container] = pod.containers;
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toEqual({ runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(Object.keys(container.resources.requests)).toEqual(['cpu', 'memory']);
    expect(Object.keys(container.resources.limits)).toEqual(['memory']);
    expect(container.volumeMounts).toEqual([{ name: 'tmp', mountPath: '/tmp' }]);
    const { SHUTDOWN_TIMEOUT_MS: longest } = parse({ HOST: '0.0.0.0', ...environmentOf(name) }) as { SHUTDOWN_TIMEOUT_MS: number };
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(longest);
  });

  it.each(['email', 'whatsapp'])('runs %s twice', (name) => {
    expect(deploymentOf(name).spec.replicas).toBe(2);
  });

  it('speaks to NATS as the user that the server knows', () => {
    const users = new Map([...read('infra/nats/users.conf').matchAll(/user: "([\w-]+)", password: \$(\w+)/g)].map(([, user, key]) => [user, key]));
    for (const name of serviceNames) {
      const { env } = deploymentOf(name).spec.template.spec.containers[0];
      const value = (key: string) => env.find((variable) => variable.name === key);
      expect(value('NATS_PASSWORD')!.valueFrom!.secretKeyRef).toEqual({ name: 'rappel', key: users.get(value('NATS_USER')!.value!) });
    }
  });

  it('names secrets and maps that exist', () => {
    const pods = serviceNames.map((name) => deploymentOf(name).spec.template.spec.containers[0]);
    const asked = pods.flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
    expect(asked.filter(({ name, key }) => name !== 'rappel' || !(key in secret))).toEqual([]);
    expect(Object.keys(secret).filter((key) => !asked.some((one) => one.key === key))).toEqual([]);
    expect(pods.flatMap(({ envFrom }) => envFrom).filter(({ configMapRef }) => !find('ConfigMap', configMapRef.name))).toEqual([]);
  });
});

it('lets the services reach the ports of their servers, and no others', () => {
  interface Policy { spec: { egress?: { to?: { namespaceSelector?: { matchLabels: Record<string, string> } }[]; ports: { port: number }[] }[] } }
  const toData = find<Policy & Manifest>('NetworkPolicy', 'rappel')!.spec.egress!.find(({ to }) => to?.[0]?.namespaceSelector?.matchLabels['rappel.role'] === 'data')!;
  const { DATABASE_URL, NATS_URL, EVENT_STORE_URL } = environmentOf('loan') as Record<'DATABASE_URL' | 'NATS_URL' | 'EVENT_STORE_URL', string>;
  expect(toData.ports.map(({ port }) => port)).toEqual([DATABASE_URL, NATS_URL, EVENT_STORE_URL].map((url) => Number(new URL(url).port)));
});
