/** What a program keeps: collections that begin empty and live on, found in its syntax trees. */

import ts from "typescript";

export interface Store {
  /** `routing/health.ts states` */
  readonly name: string;
  readonly line: number;
}

/** Functions that make something which lives on: what is declared in them does too. */
const MAKERS = /^(?:create|open|start|listen|watch|make|find|hear)/;

/**
 * The collections of a file that begin empty, at the top or right inside of a function that makes something: maps, sets
 * and lists. What begins with its contents is a table, not a store.
 */
export function storesOf(path: string, text: string): Store[] {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Store[] = [];
  const look = (statements: readonly ts.Statement[]) => {
    for (const statement of statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name, initializer, type } of statement.declarationList.declarations) {
        if (!initializer || !isEmptyCollection(initializer) || isReadonly(type)) continue;
        const line = tree.getLineAndCharacterOfPosition(statement.getStart(tree)).line + 1;
        found.push({ name: `${path} ${name.getText(tree)}`, line });
      }
    }
  };
  look(tree.statements);
  const visit = (node: ts.Node): void => {
    const named = ts.isFunctionDeclaration(node) && MAKERS.test(node.name?.text ?? "");
    if (named && node.body) look(node.body.statements);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isEmptyCollection(node: ts.Expression): boolean {
  if (ts.isArrayLiteralExpression(node)) return node.elements.length === 0;
  return ts.isNewExpression(node) && /^(?:Map|Set)$/.test(node.expression.getText()) &&
    (node.arguments ?? []).length === 0;
}

function isReadonly(type: ts.TypeNode | undefined): boolean {
  return type !== undefined && /^(?:Readonly|readonly)/.test(type.getText());
}
