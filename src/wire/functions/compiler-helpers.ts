/**
 * What compilers put around a module and use inside its functions, by name. A function that is sent alone would miss it, so
 * its source goes along.
 *
 * Supplied is what no setting of a compiler avoids on Node 20, and what is common in code that is made for it. For the
 * others the error names the setting (`setting`).
 */
const HELPERS: Record<string, string> = {
  // esbuild and tsx, keeping the names of functions
  __name: `(target, value) => Object.defineProperty(target, 'name', { value, configurable: true })`,
  // import() in what tsc, swc and Babel made CommonJS of
  __importStar: `(module) => {
    if (module && module.__esModule) return module;
    const namespace = Object.assign({}, module);
    namespace.default = module;
    return namespace;
  }`,
  __importDefault: `(module) => (module && module.__esModule ? module : { default: module })`,
  _interop_require_wildcard: `(module) => __importStar(module)`,
  _interopRequireWildcard: `(module) => __importStar(module)`,
  _interop_require_default: `(module) => __importDefault(module)`,
  _interopRequireDefault: `(module) => __importDefault(module)`,
  // import() as vitest has it
  __vi_import__: `(specifier) => import(specifier)`,
  __vite_ssr_dynamic_import__: `(specifier) => import(specifier)`,
  // async functions, for targets before ES2017
  __awaiter: `(self, args, _Promise, body) => __run(body.apply(self, args || []))`,
  __async: `(self, args, body) => __run(body.apply(self, args))`,
  _async_to_generator: `(body) => function () { return __run(body.apply(this, arguments)); }`,
  __run: `(steps) => new Promise((resolve, reject) => {
    const go = (method, value) => {
      let step;
      try {
        step = steps[method](value);
      } catch (error) {
        return reject(error);
      }
      if (step.done) resolve(step.value);
      else Promise.resolve(step.value).then((result) => go('next', result), (error) => go('throw', error));
    };
    go('next');
  })`,
  // object rest and spread, for targets before ES2018
  __rest: `(from, names) => {
    const rest = {};
    for (const key of Reflect.ownKeys(from)) {
      const isNamed = names.some((name) => (typeof name === 'symbol' ? name : String(name)) === key);
      if (!isNamed && Object.prototype.propertyIsEnumerable.call(from, key)) rest[key] = from[key];
    }
    return rest;
  }`,
  __objRest: `(from, names) => __rest(from, names)`,
  _object_without_properties: `(from, names) => __rest(from, names)`,
  __assign: `(target, ...sources) => Object.assign(target, ...sources)`,
  __spreadValues: `(target, source) => Object.assign(target, source)`,
  __spreadProps: `(target, source) => Object.defineProperties(target, Object.getOwnPropertyDescriptors(source))`,
  _object_spread: `(target, ...sources) => Object.assign(target, ...sources)`,
  _object_spread_props: `(target, source) => Object.defineProperties(target, Object.getOwnPropertyDescriptors(source))`,
  // \`using\`, which no Node below 24 has
  __addDisposableResource: `(scope, resource, isAsync) => __hold(scope.stack, resource, isAsync)`,
  __disposeResources: `(scope) => __letGo(scope.stack, scope.error, scope.hasError)`,
  __using: `(stack, resource, isAsync) => __hold(stack, resource, isAsync)`,
  __callDispose: `(stack, error, hasError) => __letGo(stack, error, hasError)`,
  _ts_add_disposable_resource: `(scope, resource, isAsync) => __hold(scope.stack, resource, isAsync)`,
  _ts_dispose_resources: `(scope) => __letGo(scope.stack, scope.error, scope.hasError)`,
  __hold: `(stack, resource, isAsync) => {
    if (resource === null || resource === undefined) {
      if (isAsync) stack.push({ isAsync });
      return resource;
    }
    if (typeof resource !== 'object' && typeof resource !== 'function') throw new TypeError('using: an object is expected');
    const own = (name) => resource[Symbol[name] || Symbol.for('Symbol.' + name)];
    const dispose = (isAsync && own('asyncDispose')) || own('dispose');
    if (typeof dispose !== 'function') throw new TypeError('using: the object cannot be disposed of');
    stack.push({ isAsync, dispose: () => dispose.call(resource) });
    return resource;
  }`,
  __letGo: `(stack, error, hasError) => {
    const failed = (thrown) => {
      if (hasError) {
        const both = new Error('An error was suppressed during disposal.');
        error = Object.assign(both, { name: 'SuppressedError', error: thrown, suppressed: error });
      } else error = thrown;
      hasError = true;
    };
    const next = () => {
      while (stack.length > 0) {
        const { isAsync, dispose } = stack.pop();
        try {
          const result = dispose && dispose();
          if (isAsync) return Promise.resolve(result).then(next, (thrown) => (failed(thrown), next()));
        } catch (thrown) {
          failed(thrown);
        }
      }
      if (hasError) throw error;
    };
    return next();
  }`,
};

/** Counters of istanbul: counting on a worker is in vain, but it must not fail. */
const COVERAGE = `(() => {
  const counts = new Proxy({}, { get: () => 0, set: () => true });
  const branches = new Proxy({}, { get: () => counts });
  const coverage = { s: counts, f: counts, b: branches, bT: branches };
  return () => coverage;
})()`;

/** The source of a helper that goes along with functions that use this name; undefined where it is none. */
export function compilerHelper(name: string): string | undefined {
  if (/^cov_[a-z0-9]+$/.test(name)) return COVERAGE;
  return Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined;
}

interface Setting {
  pattern: RegExp;
  advice: string;
}

const SETTINGS: Setting[] = [
  {
    pattern: /^__(?:vi|vite_ssr)_import(?:_meta)?_/,
    advice: 'is what vitest makes of an import of the module; import it inside the function',
  },
  {
    pattern: /__WEBPACK_IMPORTED_MODULE_\d+__$|^__webpack_/,
    advice:
      "is webpack's own; import inside the function, with /* webpackIgnore: true */ before the name of the module",
  },
  { pattern: /^tslib(?:_\d+)?$/, advice: 'comes of importHelpers in tsconfig.json; turn that off' },
  {
    pattern: /^__[a-z]\w*$/,
    advice:
      'is a helper of a compiler for older targets; set target to ES2022 (tsc) or node20 (esbuild), or later',
  },
  {
    pattern:
      /^_(?:async|await|wrap|class|define|to|type|object|ts|using|create|inherits|call|get|set|is|iterable|sliced|tagged|overload|skip)_\w+$/,
    advice: 'is a helper of swc for older targets; set jsc.target to es2022, or later',
  },
  {
    pattern: /^\w+_\d+$/,
    advice: 'looks like an import of the module as tsc writes it; import it inside the function',
  },
];

/** What to change where a compiler made up this name, in words that follow it; undefined where none has, as far as is known. */
export function adviceOn(name: string): string | undefined {
  return SETTINGS.find(({ pattern }) => pattern.test(name))?.advice;
}
