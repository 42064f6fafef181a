import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@rollcall/source'] },
  ssr: { resolve: { conditions: ['@rollcall/source'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // Node's own rule for CommonJS packages, so that tests import what users import.
    deps: { interopDefault: false },
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
