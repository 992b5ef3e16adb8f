/** Source files as the test of the architecture sees them: read from their syntax trees, comments left out. */

import ts from "typescript";

export interface Import {
  /** A file of ours by its path below `src`, or the name of a package or of a `node:` module. */
  readonly to: string;
  readonly own: boolean;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A name or a text of the program, with its line; comments are no part of it. */
export interface Word {
  readonly text: string;
  readonly line: number;
  /** A text, and not a name: it may say what a name may not do. */
  readonly quoted: boolean;
  /** `Date.now` for the `now` of `Date`. */
  readonly member?: string;
}

export interface SourceFile {
  /** Below `src`, such as `dialects/sse.ts`. */
  readonly path: string;
  readonly imports: readonly Import[];
  readonly words: readonly Word[];
  /** Lines in which a list is spread into the arguments of a call. */
  readonly spreads: readonly number[];
}

/** What a file imports and which words it has. */
export function readSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const words: Word[] = [];
  const spreads: number[] = [];
  const lineOf = (node: ts.Node) => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier) {
      imports.push({ ...resolve(path, specifier.text), typeOnly: isTypeOnly(node), line: lineOf(node) });
    } else if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) {
      words.push({ text: node.text, line: lineOf(node), quoted: isOnlyAName(node), ...memberOf(node) });
    } else if (isText(node)) {
      words.push({ text: node.text, line: lineOf(node), quoted: true });
    }
    if (ts.isSpreadElement(node) && (ts.isCallExpression(node.parent) || ts.isNewExpression(node.parent))) {
      spreads.push(lineOf(node));
    }
    ts.forEachChild(node, (child) => {
      if (child !== specifier) visit(child);
    });
  };
  visit(tree);
  return { path, imports, words, spreads };
}

/** Where a declaration or a call gets its module from. */
function specifierOf(node: ts.Node): ts.StringLiteral | undefined {
  const from = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
    ? node.moduleSpecifier
    : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
    ? node.arguments[0]
    : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
    ? node.argument.literal
    : undefined;
  return from && ts.isStringLiteral(from) ? from : undefined;
}

/** `verbatimModuleSyntax`: an import without `type` before its names, or before each of them, stays. */
function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  return ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function resolve(from: string, specifier: string): { to: string; own: boolean } {
  if (!specifier.startsWith(".")) return { to: specifier, own: false };
  const base = new URL(`file:///src/${from}`);
  return { to: new URL(specifier, base).pathname.slice("/src/".length), own: true };
}

type Text = ts.StringLiteral | ts.NoSubstitutionTemplateLiteral | ts.TemplateLiteralToken;

function isText(node: ts.Node): node is Text | ts.RegularExpressionLiteral | ts.JsxText {
  return ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node) || ts.isRegularExpressionLiteral(node);
}

/** True for a member's or a property's name, and for what a type says: it names nothing global. */
function isOnlyAName(node: ts.Identifier | ts.PrivateIdentifier): boolean {
  const { parent } = node;
  if (ts.isTypeReferenceNode(parent) || ts.isQualifiedName(parent)) return true;
  return ts.isBindingElement(parent) ? parent.initializer !== node : "name" in parent && parent.name === node;
}

/** A member of a global, and a clock read without saying what of it. */
function memberOf(node: ts.Identifier | ts.PrivateIdentifier): { member?: string } {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node && ts.isIdentifier(parent.expression)) {
    return { member: `${parent.expression.text}.${node.text}` };
  }
  const bare = ts.isNewExpression(parent) && parent.expression === node && !parent.arguments?.length;
  return bare ? { member: `new ${node.text}()` } : {};
}
