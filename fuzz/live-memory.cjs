// Loaded into the pool's processes: on SIGUSR2 one collects its garbage, and writes what is left to a file of its own.
const { writeFileSync, renameSync } = require('node:fs');
const { join } = require('node:path');
const { isMainThread } = require('node:worker_threads');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    // What finalizers let go of is collected by the next one.
    setImmediate(() => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      const file = join(process.env.NODE_FUZZ_MEMORY_DIR, String(process.pid));
      writeFileSync(`${file}.new`, String(heapUsed + external));
      renameSync(`${file}.new`, file);
    });
  });
}
