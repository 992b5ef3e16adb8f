// Writes rbac.schema.json, the JSON Schema of the configuration: node test/tools/write-schema.ts

import { toJsonSchema } from "@valibot/to-json-schema";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { ConfigSchema } from "../../src/config/schema.ts";

const FILE = new URL("../../rbac.schema.json", import.meta.url);

/** The text that the file should have. */
export function schemaText(): string {
  const schema = toJsonSchema(ConfigSchema, { typeMode: "input" });
  return `${JSON.stringify({ ...schema, title: "Configuration of ai-proxy" }, null, 2)}\n`;
}

if (process.argv[1]?.endsWith("write-schema.ts")) writeFileSync(FILE, schemaText());
