import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their TypeScript sources; only worker threads are loaded from dist.
const shared = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
};

export default defineConfig({
  ...shared,
  test: {
    include: ['{libs,services,apps}/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['tests/brokers/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // As the launcher has it.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    maxWorkers: 2,
    server: { deps: { inline: [/@relearn\//] } },
  },
});
