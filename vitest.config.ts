import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^nabla$/, replacement: source('index.ts') },
      { find: /^nabla\/(keras|onnx|tfjs)$/, replacement: source('$1.ts') },
      { find: /^nabla\/plot$/, replacement: source('plot/index.ts') },
      { find: /^nabla\/csv$/, replacement: source('data/csv.ts') },
      { find: /^nabla\/mnist$/, replacement: source('data/mnist.ts') },
      { find: /^nabla\/(data|npy|safetensors|script|inspect)$/, replacement: source('formats/$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'apps/*/test/**/*.test.ts'],
    testTimeout: 60_000,
  },
})
