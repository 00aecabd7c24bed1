/** A jest reporter that ends the run with one plain line: `12 passed, 0 failed`. */
module.exports = class SummaryReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
    // At the very end, after jest's own summary. A file that did not even load counts as failed.
    const line = `\n${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed${skipped}\n`;
    process.on('exit', () => process.stderr.write(line));
  }
};
