import { defineConfig } from 'vite';

/**
 * Files with fixed names: the server serves these and no folder, so no path of a request is ever looked up on disk. The charts are in one
 * of their own, which is loaded when they are looked at for the first time.
 */
export default defineConfig({
  root: import.meta.dirname,
  logLevel: 'warn',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    // An inlined asset would be a data: URL, which the page's own policy forbids.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: { entryFileNames: 'page.js', chunkFileNames: '[name].js', assetFileNames: 'page[extname]' },
    },
  },
});
