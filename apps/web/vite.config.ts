import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

/** What lets a page share memory between threads. A static host that sends neither gets one thread. */
const isolated = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  // Relative addresses: the built page works under any path.
  base: './',
  plugins: [svelte()],
  worker: { format: 'es' },
  // The source maps tell "npm run notices" whose code is in the page; they are not shipped.
  build: { target: 'es2022', chunkSizeWarningLimit: 1500, assetsInlineLimit: 0, sourcemap: 'hidden' },
  server: { headers: isolated },
  preview: { headers: isolated },
})
