/**
 * The configuration file as a schema: the one place that says which keys there are and of which type. What needs more
 * than one value to judge is in `check.ts`.
 */

import * as v from "valibot";
import { HEADER_OPTION_NAMES } from "../upstream/providers.ts";

/**
 * A strict object whose issues carry its known keys as `requirement`, so that the nearest can be suggested. A list is
 * no object here, though it is one for valibot.
 */
function strict<const Entries extends v.ObjectEntries>(entries: Entries) {
  const schema = { ...v.strictObject(entries), requirement: Object.keys(entries) };
  const run: typeof schema["~run"] = (dataset, config) => schema["~run"](withoutList(dataset), config);
  return { ...schema, "~run": run };
}

/** An object from names to values of one kind. */
function named<const Value extends v.GenericSchema>(value: Value) {
  const schema = v.record(v.string(), value);
  const run: typeof schema["~run"] = (dataset, config) => schema["~run"](withoutList(dataset), config);
  return { ...schema, "~run": run };
}

function withoutList(dataset: v.UnknownDataset): v.UnknownDataset {
  return Array.isArray(dataset.value) ? { value: null } : dataset;
}

// A timer of Node takes 24 days at most; nobody waits a day.
const LONGEST = 86_400;

const seconds = v.optional(v.pipe(
  v.number(),
  v.gtValue(0, `Takes seconds above 0, up to ${LONGEST}`),
  v.maxValue(LONGEST, `Takes seconds above 0, up to ${LONGEST}`),
));

const times = strict({
  connect: seconds,
  firstByte: seconds,
  firstByteStream: seconds,
  idle: seconds,
});
const timeouts = v.optional(times);

/** Allowed for a provider and for a model; the model's win. */
const options = {
  timeouts,
  repair: v.optional(v.boolean()),
  autoCache: v.optional(v.boolean()),
  reasoningEcho: v.optional(v.boolean()),
  thinkingCache: v.optional(v.boolean()),
};

// A value of the wrong type may be the key itself: no message about it quotes it.
const SECRET = 'Takes {"env": NAME} or {"file": PATH}, never the key itself';
const secretSource = v.union([
  strict({
    env: v.pipe(v.string(SECRET), v.regex(/^[A-Za-z_]\w*$/, "Takes the name of an environment variable")),
  }),
  strict({ file: v.pipe(v.string(SECRET), v.nonEmpty("Takes the path of a file")) }),
], SECRET);

const provider = strict({
  dialect: v.optional(v.string()),
  baseURL: v.optional(v.string()),
  versionInPath: v.optional(v.boolean()),
  apiKey: v.optional(secretSource),
  retries: v.optional(v.pipe(
    v.number(),
    v.integer("Takes a whole number from 0 to 10"),
    v.minValue(0, "Takes a whole number from 0 to 10"),
    v.maxValue(10, "Takes a whole number from 0 to 10"),
  )),
  ...options,
  ...v.entriesFromList(
    HEADER_OPTION_NAMES,
    v.optional(
      v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/, "Takes a header's value: visible ASCII characters")),
    ),
  ),
});

const model = strict({
  provider: v.string(),
  model: v.optional(v.pipe(v.string(), v.nonEmpty("Takes the model's name at the provider"))),
  location: v.optional(v.pipe(
    v.string(),
    v.description("Accepted for configurations of NGINX's demo; has no effect"),
  )),
  maxOutputTokens: v.optional(v.pipe(
    v.number(),
    v.safeInteger("Takes a whole number of tokens from 1"),
    v.minValue(1, "Takes a whole number of tokens from 1"),
  )),
  ...options,
});

const key = strict({
  hash: v.string(),
  name: v.optional(v.string()),
  expires: v.optional(v.string()),
});

/** An entry of a user's models. */
export const USER_MODEL = strict({
  name: v.string(),
  failover: v.optional(
    v.union([v.string(), v.array(v.string())], "Takes a model's name or a list of names"),
  ),
});

const user = strict({
  keys: v.optional(v.array(key)),
  models: v.optional(v.array(USER_MODEL)),
});

/** Of the sections that have many entries, the schema of one. */
export const ENTRIES = { providers: provider, models: model, users: user };
export type Section = keyof typeof ENTRIES;

const FAILURE_WORD = "Takes connect, timeout, invalid, 4xx, 5xx or a status from 400 to 599";
const failureWord = v.union([
  v.pipe(v.string(), v.regex(/^(?:connect|timeout|invalid|[45](?:xx|\d\d))$/, FAILURE_WORD)),
  v.pipe(
    v.number(),
    v.integer(FAILURE_WORD),
    v.minValue(400, FAILURE_WORD),
    v.maxValue(599, FAILURE_WORD),
  ),
], FAILURE_WORD);

const auth = strict({
  userHeader: v.optional(v.union([
    v.pipe(v.string(), v.regex(/^[!#$%&'*+.^`|~\w-]+$/, "Takes a header's name, or false")),
    v.literal(false),
  ], "Takes a header's name, or false")),
  trustedProxies: v.optional(v.array(v.string())),
});

const cors = strict({ origins: v.array(v.string()) });

export const ConfigSchema = strict({
  $schema: v.optional(v.string()),
  auth: v.optional(auth),
  cors: v.optional(cors),
  providers: v.optional(named(provider)),
  models: v.optional(named(model)),
  users: v.optional(named(user)),
  failoverOn: v.optional(v.array(failureWord)),
  timeouts,
  keepAlive: v.optional(v.pipe(
    v.number(),
    v.minValue(0, `Takes seconds from 0 (off) to ${LONGEST}`),
    v.maxValue(LONGEST, `Takes seconds from 0 (off) to ${LONGEST}`),
  )),
});

/** Where there are keys, and which. */
export interface Place {
  readonly place: string;
  readonly keys: readonly string[];
}

export const PLACES: readonly Place[] = [
  { place: "", keys: ConfigSchema.requirement },
  { place: "auth", keys: auth.requirement },
  { place: "cors", keys: cors.requirement },
  { place: "providers.NAME", keys: provider.requirement },
  { place: "models.NAME", keys: model.requirement },
  { place: "users.NAME", keys: user.requirement },
  { place: "users.NAME.models[0]", keys: USER_MODEL.requirement },
  { place: "users.NAME.keys[0]", keys: key.requirement },
  { place: "timeouts", keys: times.requirement },
];

export type Config = v.InferOutput<typeof ConfigSchema>;
export type ProviderSection = NonNullable<Config["providers"]>[string];
export type ModelSection = NonNullable<Config["models"]>[string];
export type UserSection = NonNullable<Config["users"]>[string];
