// The boundaries of the house: domain inside, adapters at the edge, services apart.
const adapters = '^packages/event-store-(postgres|kurrentdb)/';
const tests = '(\\.spec\\.ts$|/test/|/testing/)';
/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'services-stay-apart', severity: 'error', comment: 'Services share the event store, the bus and packages, nothing else.',
      from: { path: '^services/([^/]+)/' }, to: { path: '^services/', pathNot: '^services/$1/' },
    },
    { name: 'packages-know-no-service', severity: 'error', from: { path: '^packages/', pathNot: '^packages/(bench)/' }, to: { path: '^services/' } },
    {
      name: 'contracts-stand-alone', severity: 'error', comment: 'Whoever reads the contracts needs its schema library only.',
      from: { path: '^packages/contracts/src', pathNot: tests }, to: { pathNot: ['^packages/contracts/', '^zod$', 'node_modules/zod/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'port-knows-no-adapter', severity: 'error',
      from: { path: '^packages/event-store/', pathNot: tests }, to: { path: adapters },
    },
    {
      name: 'adapters-at-the-edge', severity: 'error', comment: 'An adapter is chosen where a process is put together.',
      from: { pathNot: [tests, adapters, '^packages/(service-kit|cli|bench)/', 'app\\.module\\.ts$'] }, to: { path: adapters },
    },
    {
      name: 'domain-is-pure', severity: 'error', comment: 'Deciders and folds know no framework, driver or provider.',
      from: { path: '(decide|evolve|policy|planner|fold)\\.ts$', pathNot: tests }, to: { path: ['@nestjs', 'node_modules/pg/', 'twilio', 'nodemailer', '@nats-io'] },
    },
    { name: 'tests-stay-outside', severity: 'error', from: { pathNot: [tests, '/jest/', '^packages/(bench|demo)/'] }, to: { path: '\\.spec\\.ts$' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/|/generated/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'], extensions: ['.ts', '.js', '.mjs'] },
  },
};
