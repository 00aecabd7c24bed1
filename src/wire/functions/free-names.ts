import type * as Acorn from 'acorn';
import type * as EslintScope from 'eslint-scope';
import { createRequire } from 'node:module';

/** What a function uses that it does not define itself. */
export interface FreeNames {
  /** Each once, in the order in which they first stand there. What is only probed for, by `typeof x`, is not among them. */
  names: readonly string[];
  /** Those that are needed as soon as it is defined: what a class extends, say. */
  eager: readonly string[];
  /** An arrow function uses the `this` around it, in another way than to hand it on to a helper of its compiler. */
  usesOuterThis: boolean;
}

type AnyNode = Acorn.Node & Record<string, unknown>;

const require = createRequire(import.meta.url);

/**
 * Loads what {@link freeNamesOf} needs, if it is not there yet: some 50 ms that whoever waits for another process anyway spends
 * here, and who never sends a function does not spend at all.
 */
export function loadParser() {
  const { parse } = require('acorn') as typeof Acorn;
  const { analyze } = require('eslint-scope') as typeof EslintScope;
  return { parse, analyze };
}

/**
 * Finds the free names of an expression. Undefined where nobody can tell: direct `eval` and `with` make names out of texts,
 * and V8 may know syntax that the parser does not.
 */
export function freeNamesOf(source: string): FreeNames | undefined {
  const { parse, analyze } = loadParser();
  let program: Acorn.Node;
  try {
    program = parse(`(${source}\n)`, { ecmaVersion: 'latest', ranges: true });
  } catch {
    return undefined;
  }
  const probed = new Set<string>();
  const handedOn = new Set<AnyNode | undefined>();
  const seen = { hasWith: false, usesOuterThis: false };
  look(program as AnyNode, true, (node, isThisOuter) => {
    if (node.type === 'WithStatement') seen.hasWith = true;
    if (node.type === 'CallExpression' && isHelper(node.callee as AnyNode))
      handedOn.add((node.arguments as AnyNode[])[0]);
    if (node.type === 'ThisExpression' && isThisOuter && !handedOn.has(node)) seen.usesOuterThis = true;
    // In sloppy mode a function declared in a block is known to the function around it, too.
    if (node.type === 'FunctionDeclaration') addName(probed, node.id);
    if (node.type === 'UnaryExpression' && node.operator === 'typeof') addName(probed, node.argument);
  });
  if (seen.hasWith) return undefined;

  const { globalScope } = analyze(program as unknown as Parameters<typeof analyze>[0], {
    ecmaVersion: 2026,
    sourceType: 'script',
  });
  const names = new Set<string>();
  const eager = new Set<string>();
  for (const { identifier, from } of globalScope?.through ?? []) {
    const { name } = identifier as { name: string };
    if (name === 'eval') return undefined;
    if (probed.has(name)) continue;
    names.add(name);
    if (!isInFunction(from)) eager.add(name);
  }
  return { names: [...names], eager: [...eager], usesOuterThis: seen.usesOuterThis };
}

/** What compilers make of async arrow functions takes along a `this` that the function may not use: `__awaiter(this, …)`, `….apply(this)`. */
function isHelper(callee: AnyNode): boolean {
  if (callee.type === 'SequenceExpression')
    return isHelper((callee.expressions as AnyNode[]).at(-1) as AnyNode);
  const named = callee.type === 'MemberExpression' ? (callee.property as AnyNode) : callee;
  return named.type === 'Identifier' && /^(?:_.*|apply|call)$/.test(String(named.name));
}

/** Visits every node. `isThisOuter` is whether `this` there is that of whoever wrote the whole. */
function look(
  node: AnyNode,
  isThisOuter: boolean,
  visit: (node: AnyNode, isThisOuter: boolean) => void,
): void {
  visit(node, isThisOuter);
  const hasOwnThis = /^(?:FunctionDeclaration|FunctionExpression|PropertyDefinition|StaticBlock)$/.test(
    node.type,
  );
  for (const part of Object.values(node)) {
    for (const child of Array.isArray(part) ? (part as unknown[]) : [part])
      if (isNode(child)) look(child, isThisOuter && !hasOwnThis, visit);
  }
}

function isNode(value: unknown): value is AnyNode {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}

function addName(names: Set<string>, node: unknown): void {
  if (isNode(node) && node.type === 'Identifier') names.add(String(node.name));
}

function isInFunction(from: EslintScope.Scope): boolean {
  for (let scope: EslintScope.Scope | null = from; scope; scope = scope.upper)
    if (scope.type === 'function') return true;
  return false;
}
