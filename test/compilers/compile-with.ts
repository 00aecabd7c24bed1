import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { transformAsync } from '@babel/core';
import * as swc from '@swc/core';
import * as esbuild from 'esbuild';
import ts from 'typescript';
import type Webpack from 'webpack';

// By `require`: an import would touch its deprecated exports, each of which warns.
const webpack = createRequire(import.meta.url)('webpack') as typeof Webpack;

/** Functions of every kind, as their authors write them. */
export const SHAPES = readFileSync(new URL('./shapes.ts.txt', import.meta.url), 'utf8');

/** Gives CommonJS. */
export type Compiler = (source: string) => Promise<string>;

export function withTsc(target: keyof typeof ts.ScriptTarget, options: ts.CompilerOptions = {}): Compiler {
  return (source) => {
    const compilerOptions = {
      target: ts.ScriptTarget[target],
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
      ...options,
    };
    return Promise.resolve(ts.transpileModule(source, { compilerOptions }).outputText);
  };
}

export function withEsbuild(options: esbuild.TransformOptions): Compiler {
  return async (source) => {
    const { code } = await esbuild.transform(source, { loader: 'ts', format: 'cjs', ...options });
    return code;
  };
}

export function withSwc(target: swc.JscTarget, options: Partial<swc.Options> = {}): Compiler {
  return async (source) => {
    const { code } = await swc.transform(source, {
      jsc: { parser: { syntax: 'typescript' }, target },
      module: { type: 'commonjs' },
      swcrc: false,
      ...options,
    });
    return code;
  };
}

export function withIstanbul(): Compiler {
  return async (source) => {
    const plain = await withTsc('ES2022')(source);
    const result = await transformAsync(plain, {
      filename: 'shapes.js',
      plugins: ['babel-plugin-istanbul'],
      babelrc: false,
      configFile: false,
    });
    return result?.code ?? '';
  };
}

export function withWebpack(mode: 'development' | 'production'): Compiler {
  return async (source) => {
    const folder = mkdtempSync(join(tmpdir(), 'offhand-test-'));
    try {
      writeFileSync(join(folder, 'in.mjs'), await withEsbuild({ format: 'esm', target: 'node20' })(source));
      await new Promise<void>((resolve, reject) => {
        const config: Webpack.Configuration = {
          mode,
          entry: join(folder, 'in.mjs'),
          target: 'node20',
          devtool: false,
          output: { path: folder, filename: 'out.cjs', library: { type: 'commonjs2' } },
        };
        webpack(config, (error, stats) => {
          if (error ?? stats?.hasErrors()) reject(error ?? new Error(stats?.toString()));
          else resolve();
        });
      });
      return readFileSync(join(folder, 'out.cjs'), 'utf8');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** Runs what a compiler made, in this process. */
export function load(code: string): Record<string, unknown> {
  // Within reach of the packages that it may ask for.
  mkdirSync('build', { recursive: true });
  const folder = mkdtempSync(resolve('build', 'compiled-'));
  const path = join(folder, 'shapes.cjs');
  try {
    writeFileSync(path, code);
    return createRequire(import.meta.url)(path) as Record<string, unknown>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
