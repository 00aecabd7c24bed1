/** Tests are ES modules; start jest with NODE_OPTIONS=--experimental-vm-modules. */
export default {
  testEnvironment: 'node',
  transform: {},
  // Istanbul, the default, writes counters into functions, which a worker does not have.
  coverageProvider: 'v8',
};
