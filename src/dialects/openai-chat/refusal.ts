/**
 * Which field of a request a refusal names, and whether the field itself is refused or only its value. Every server
 * has its own way to say so. A field counts where the answer names it in a place of its own (`param`, a validator's
 * list), or where the refusal *begins* with words that name it: a text that a user wrote and the refusal quotes stands
 * further inside.
 */

import type { GatewayError, RefusedField } from "../../errors.ts";
import { withoutPrefix } from "../prefix.ts";

/** The fields that a refusal names. */
export function refusedFields(error: GatewayError): readonly RefusedField[] {
  const words = withoutPrefix(error.message);
  const named = [...error.fields, ...byParam(error, words), ...byWords(words)];
  return named.map(({ path, fault }) => ({ path: path.replace(/^body\./, ""), fault }));
}

const UNKNOWN_CODES: ReadonlySet<string> = new Set([
  "unsupported_parameter",
  "unknown_parameter",
  "unrecognized_parameter",
  "parameter_not_supported",
]);
const VALUE_CODES: ReadonlySet<string> = new Set([
  "unsupported_value",
  "invalid_value",
  "invalid_enum_value",
]);

/** `param` is what the server itself says, whatever its words. */
function byParam({ param, said, message }: GatewayError, words: string): RefusedField[] {
  if (param === undefined || !PATH.test(param)) return [];
  if (said !== null && UNKNOWN_CODES.has(said)) return [{ path: param, fault: "unknown" }];
  // With one value left there is nothing to choose.
  if (/\bonly the default\b/i.test(message)) return [{ path: param, fault: "unknown" }];
  if ((said !== null && VALUE_CODES.has(said)) || VALUE.test(words)) return [{ path: param, fault: "value" }];
  return REFUSED.test(words) ? [{ path: param, fault: "unknown" }] : [];
}

const PATH = /^[a-z_][\w.[\]-]{0,200}$/i;
const VALUE =
  /must be (?:one of|between|less|greater|at)|supported values|(?:un|not )supported value|\binvalid\b|not one of|input should be|(?:below|above) (?:minimum|maximum)|too (?:long|short|large|small)/i;
const REFUSED =
  /(?:not|n't) (?:supported?|permitted|allowed|recogni[sz]ed|available|compatible|accept)|un(?:supported|known|recogni[sz]ed|expected)|incompatible|does(?: not|n't) (?:support|accept)/i;

const NAME = "[`'\"]?([a-z_][\\w.[\\]-]{0,200}?)[`'\"]?";
const KIND = "(?:parameter|param|argument|field|name|key|property|option|input|setting)";

/** A full stop ends a name only where a sentence ends with it. */
const END = "(?=\\]?\\.?(?:[\\s,;:!]|$))";

/** Ways to begin a refusal of a field; the first group is its name. */
const UNKNOWN: readonly RegExp[] = [
  // Unknown parameter: 'x'. · Unsupported parameter: x · unknown field: parameter 'x' is not a valid field
  `^(?:un(?:known|supported|recogni[sz]ed|expected)|extra(?:neous)?|additional)(?: request)? ${KIND}s?(?: supplied| provided| found)?:? *(?:\\[|${KIND} )?${NAME}${END}`,
  // property 'x' is unsupported · The parameter x is not supported · x: property 'x' is unsupported
  `^(?:the )?(?:request )?(?:${KIND} )?${NAME}(?: ${KIND})?:? (?:(?:property|field|parameter) \\S{1,200} )?(?:is |are )?(?:un(?:supported|known|recogni[sz]ed|expected)|not (?:currently )?(?:yet )?(?:supported|permitted|allowed|recogni[sz]ed|available|a valid ${KIND}|a supported ${KIND}))(?! (?:value|choice))`,
  // x: Extra inputs are not permitted
  `^${NAME}: (?:value error, )?(?:extra (?:inputs|fields)|additional properties|unknown ${KIND})`,
  `^extra (?:inputs|fields) (?:are )?not permitted[,:]? ${KIND}:? ${NAME}${END}`,
  // Model grok-4 does not support parameter presencePenalty. · This model does not support the x parameter
  `^(?:(?:this|the) )?(?:model|provider|endpoint|api|server)?(?: [\\w.:/\`'"-]{1,100})? ?does(?: not|n't) (?:support|accept|allow) (?:the )?(?:${KIND} )?${NAME}(?: ${KIND})?${END}`,
  `^[\\w.:/-]{1,100} does(?: not|n't) (?:support|accept|allow) (?:the )?(?:${KIND} )?${NAME}(?: ${KIND})?${END}`,
  // Argument not supported on this model: x
  `^${KIND}s? not (?:supported|permitted|allowed)(?: (?:on|by|with|for) (?:this|the) \\w+)?: *${NAME}${END}`,
  `^(?:[\\w.]{1,100}\\(\\) )?got an unexpected keyword argument ${NAME}${END}`,
  `^additional properties are not allowed \\(${NAME} was unexpected`,
].map((source) => new RegExp(source, "i"));

/** Ways to begin a refusal of a value. */
const BAD_VALUE: readonly RegExp[] = [
  `^(?:unsupported|invalid) value: ${NAME} does(?: not|n't) support`,
  `^(?:unsupported|invalid) (?:value )?(?:for )?(?:${KIND} )?${NAME}(?: value)?:`,
  `^(?:the )?(?:${KIND} )?${NAME}:? (?:must be|should be|input should be|value .{1,60} is not)`,
].map((source) => new RegExp(source, "i"));

/** A refusal of several fields may have a line for each; the first says that they are such. */
const MOST_LINES = 20;

function byWords(words: string): RefusedField[] {
  const [first = "", ...rest] = words.split("\n", MOST_LINES);
  const found = readLine(first);
  if (!found.some(({ fault }) => fault === "unknown")) return found;
  return [...found, ...rest.flatMap((line) => readLine(withoutPrefix(line)))];
}

/** All that a line may name; what is no field of the request means nothing later on. */
function readLine(line: string): RefusedField[] {
  const inMessage = /^'messages\.\d+' : .{0,200}?property '(\w{1,64})' is unsupported/.exec(line)?.[1];
  if (inMessage !== undefined) return [{ path: `messages.${inMessage}`, fault: "unknown" }];
  const deep = /^unknown name "([\w.]{1,64})" at '([\w.[\]]{1,200})'/i.exec(line);
  if (deep) return [{ path: `${deep[2]}.${deep[1]}`, fault: "unknown" }];
  const listed = /^unrecognized request arguments supplied: ([\w, ]{1,500})/i.exec(line)?.[1];
  if (listed !== undefined) return listed.split(/, */).map((path) => ({ path, fault: "unknown" }));
  const several = /^[\w.:/-]{1,100} does not support parameters: \[([\w', ]{1,500})\]/i.exec(line)?.[1];
  if (several !== undefined) {
    return (several.match(/\w+/g) ?? []).map((path) => ({ path, fault: "unknown" }));
  }
  const by = (patterns: readonly RegExp[], fault: RefusedField["fault"]) =>
    patterns.flatMap((pattern): RefusedField[] => {
      const path = pattern.exec(line)?.[1];
      return path === undefined ? [] : [{ path, fault }];
    });
  return [...by(UNKNOWN, "unknown"), ...by(BAD_VALUE, "value")];
}
