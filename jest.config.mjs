// Three tiers by suffix: unit (pure, no servers), int (one package on real servers), e2e (services as processes).
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'json', 'node'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.rappel/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.rappel/'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true },
      },
      module: { type: 'es6' },
    }],
  },
};
const tier = (name) => ({ ...shared, displayName: name, testMatch: [`**/*.${name}.spec.ts`] });
export default {
  projects: [
    tier('unit'),
    { ...tier('int'), globalSetup: '<rootDir>/packages/local-stack/src/jest/global-setup.ts', globalTeardown: '<rootDir>/packages/local-stack/src/jest/global-teardown.ts' },
    tier('e2e'),
  ],
  testTimeout: 60_000,
};
