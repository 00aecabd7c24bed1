import { defineConfig } from 'vite';

/** Three files with fixed names: the server serves these and no folder, so no path of a request is ever looked up on disk. */
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
      output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]', codeSplitting: false },
    },
  },
});
