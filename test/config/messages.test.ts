/** What is said of mistakes that people make: enough to mend the file, nothing that only follows, and no key. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { configWith, load } from "./_load.ts";

const GOOD = `{
  "models": {"gpt-5": {"provider": "openai"}, "sonnet": {"provider": "anthropic"}},
  "users": {"alice": {"models": [{"name": "gpt-5", "failover": "sonnet"}, {"name": "sonnet"}]}}
}`;

/** A change of a good text → what is said of it. */
const SYNTAX: [title: string, text: string, message: RegExp, line: number][] = [
  ["curly quotes", GOOD.replace('"users"', "“users”"), /a curly quote “, write " at column 3$/, 3],
  ["curly single quotes", GOOD.replace('"users"', "‘users’"), /a curly quote ‘, write "/, 3],
  ["a no-break space", GOOD.replace('  "users"', '\u00a0 "users"'), /a no-break space \(U\+00A0\)/, 3],
  ["a zero-width space", GOOD.replace('"users"', '\u200b"users"'), /a zero-width space \(U\+200B\)/, 3],
  ["an ideographic space", GOOD.replace('"users"', '\u3000"users"'), /an ideographic space/, 3],
  ["a comment of a shell", `# mine\n${GOOD}`, /a # : comments begin with \/\/ at column 1$/, 1],
  ["single quotes", GOOD.replaceAll('"', "'"), /a single quote ', write "/, 2],
  ["backticks", GOOD.replace('"gpt-5": {', "`gpt-5`: {"), /a backtick `, write "/, 2],
  ["a key without quotes", GOOD.replace('"users"', "users"), /users without quotes, write "users"/, 3],
  ["a word for true", GOOD.replace('"openai"', "True"), /True, write true/, 2],
  ["NaN", GOOD.replace('"openai"', "NaN"), /NaN, write a number/, 2],
  ["a sign", GOOD.replace('"openai"', "+15"), /a \+ : numbers have no sign but -/, 2],
  ["a hexadecimal number", GOOD.replace('"openai"', "0x0f"), /a hexadecimal number/, 2],
  ["a number cut off", GOOD.replace('"openai"', "1."), /a malformed number/, 2],
  ["an equals sign", GOOD.replace('"gpt-5":', '"gpt-5"='), /a = : write a colon/, 2],
  ["a semicolon", GOOD.replace("}},\n", "}};\n"), /a ; : write a comma/, 2],
  ["a full-width comma", GOOD.replace("}},\n", "}}，\n"), /a full-width comma/, 2],
  ["a missing comma", GOOD.replace("}},\n", "}}\n"), /comma or \} expected at column 3$/, 3],
  ["a missing colon", GOOD.replace('"users":', '"users"'), /colon expected, not \{/, 3],
  ["a missing brace", GOOD.slice(0, -1), /the file ends here, what begins on line 1 is not closed/, 4],
  ["a brace too many", `${GOOD}}`, /end of file expected, not \}/, 4],
  ["an open comment", `/* mine\n${GOOD}`, /end of comment expected, it is never closed/, 1],
  ["a tab in a string", GOOD.replace("alice", "al\tice"), /a tab, write \\t/, 3],
  ["a bell in a string", GOOD.replace("alice", "al\u0007ice"), /a control character \(U\+0007\)/, 3],
  ["an open string", GOOD.replace('"sonnet"}]}}', '"sonnet}]}}'), /end of string expected/, 3],
  ["a path with backslashes", GOOD.replace("alice", "C:\\secrets"), /invalid escape character s/, 3],
  ["UTF-16", Array.from(GOOD).join("\u0000"), /a NUL character \(U\+0000\): is the file UTF-16\?/, 1],
];

for (const [title, text, message, line] of SYNTAX) {
  test(`${title} is named, with line and column`, async () => {
    const { problems } = await load(text);
    assert.deepEqual(problems.map((one) => [one.severity, one.line]), [["problem", line]]);
    assert.match(problems[0]?.message ?? "", /^Not JSON: .* at column \d+$/);
    assert.match(problems[0]?.message ?? "", message);
  });
}

test("a word without quotes that may be a key is not repeated", async () => {
  const { problems } = await load(GOOD.replace('"openai"', "hunter2secret"));
  assert.match(problems[0]?.message ?? "", /a word without quotes/);
  assert.doesNotMatch(JSON.stringify(problems), /hunter2/);
});

test("where nobody knows what a user is to use, no model is called unused", async () => {
  const models = /"models": \[.*\]/;
  for (const list of ['"models": null', '"models": 5']) {
    const { problems } = await load(GOOD.replace(models, list));
    assert.deepEqual(problems.map(({ path }) => path), ["users.alice.models"], list);
  }
  const { problems } = await load(GOOD.replace(/\{"models": \[.*\]\}/, "null"));
  assert.deepEqual(problems.map(({ path }) => path), ["users.alice"]);
});

test("UTF-16 with its mark is told from other bytes", async () => {
  const { unreadable } = await load(new Uint8Array([0xff, 0xfe, 0x7b, 0x00]));
  assert.match(unreadable ?? "", /it is UTF-16 text: save it as UTF-8$/);
});

const MODELS = { m: { provider: "openai" }, other: { provider: "openai" } };
const user = (ann: unknown) => ({ models: MODELS, users: { ann } });

/** A configuration → all that is said of it: `severity place` and what its message has. */
const SHAPES: [title: string, config: unknown, ...said: [string, RegExp][]][] = [
  ["names in the place of entries", user({ models: ["m", "other"] }), [
    "problem users.ann.models[0]",
    /found a string: write \{"name": "m"\}$/,
  ], ["problem users.ann.models[1]", /write \{"name": "other"\}$/]],
  ["a name in the place of a list", user({ models: "m" }), [
    "problem users.ann.models",
    /found a string: write \[\{"name": "m"\}\]$/,
  ], ["warning models.other", /No user may use/]],
  ["an object in the place of a list", user({ models: { m: {}, other: {} } }), [
    "problem users.ann.models",
    /found an object: write \[\{"name": …\}\]/,
  ]],
  ["a provider in the place of a model", { ...user({ models: [{ name: "m" }] }), models: { m: "openai" } }, [
    "problem models.m",
    /found a string: write \{"provider": "openai"\}$/,
  ]],
  ["a list of users", { models: MODELS, users: [{ name: "ann", models: ["m", "other"] }] }, [
    "problem users",
    /found a list: write \{"NAME"/,
  ]],
  ["a list of models", { models: [{ name: "m" }], users: { ann: { models: [{ name: "m" }] } } }, [
    "problem models",
    /found a list: write \{"NAME": \{"provider"/,
  ]],
  [
    "keys in clear text",
    user({ keys: [`aip_${"a".repeat(43)}`], models: [{ name: "m" }, { name: "other" }] }),
    [
      "problem users.ann.keys[0]",
      /a key in clear text: whoever reads this file has it/,
    ],
  ],
  ["a hash alone", user({ keys: [`sha256:${"a".repeat(64)}`], models: [{ name: "m" }, { name: "other" }] }), [
    "problem users.ann.keys[0]",
    /write \{"hash": "sha256:…"\}$/,
  ]],
  ["a name with a blank", user({ models: [{ name: "m " }, { name: "other" }] }), [
    "problem users.ann.models[0].name",
    /"m " is not in models: did you mean "m"\?/,
  ]],
  [
    "a key with a slip",
    { models: { m: { provder: "openai" } }, users: { ann: { models: [{ name: "m" }] } } },
    [
      "problem models.m.provder",
      /did you mean "provider"/,
    ],
  ],
  [
    "a provider in other words",
    {
      ...user({ models: [{ name: "m" }, { name: "other" }] }),
      providers: { openai: { api_key: { env: "X" }, base_url: "http://x" } },
    },
    ["problem providers.openai.api_key", /did you mean "apiKey"/],
    [
      "problem providers.openai.base_url",
      /did you mean "baseURL"/,
    ],
  ],
  ["a fallback", user({ models: [{ name: "m", fallback: "other" }, { name: "other" }] }), [
    "problem users.ann.models[0].fallback",
    /did you mean "failover"/,
  ]],
  ["a failover at the top", { ...user({ models: [{ name: "m" }, { name: "other" }] }), failover: {} }, [
    "problem failover",
    /it belongs into users\.NAME\.models\[0\]; here there is "failoverOn"/,
  ]],
  ["a failover of a user", user({ failover: "m", models: [{ name: "m" }, { name: "other" }] }), [
    "problem users.ann.failover",
    /it belongs into users\.NAME\.models\[0\]/,
  ]],
  ["a key of a model at the top", {
    ...user({ models: [{ name: "m" }, { name: "other" }] }),
    maxOutputTokens: 5,
  }, ["problem maxOutputTokens", /it belongs into models\.NAME$/]],
  ["a key of auth at the top", { ...user({ models: [{ name: "m" }, { name: "other" }] }), userHeader: "x" }, [
    "problem userHeader",
    /it belongs into auth$/,
  ]],
  ["a time at the top", { ...user({ models: [{ name: "m" }, { name: "other" }] }), connect: 5 }, [
    "problem connect",
    /it belongs into timeouts$/,
  ]],
  ["the whole file in a wrapper", { rbac: user({ models: [{ name: "m" }] }) }, [
    "problem rbac",
    /belongs to the top of the file/,
  ]],
  [
    "milliseconds",
    {
      ...user({ models: [{ name: "m" }, { name: "other" }] }),
      timeouts: { connect: 5000, firstByte: 30_000 },
      keepAlive: 15_000,
    },
    ["warning timeouts.connect", /5000 seconds are 83 minutes.*if 5000 are milliseconds, write 5$/],
    [
      "warning timeouts.firstByte",
      /8 hours.*write 30$/,
    ],
    ["warning keepAlive", /write 15$/],
  ],
  ["milliseconds beyond a day", {
    ...user({ models: [{ name: "m" }, { name: "other" }] }),
    timeouts: { idle: 300_000 },
  }, ["problem timeouts.idle", /If 300000 are milliseconds, write 300$/]],
  ["times that are long and meant", {
    ...user({ models: [{ name: "m" }, { name: "other" }] }),
    timeouts: { connect: 60, firstByte: 3600, firstByteStream: 1800, idle: 900 },
    keepAlive: 300,
  }],
  ["a control character in a name", {
    models: MODELS,
    users: { "an\u0000n": { models: [{ name: "m" }, { name: "other" }] } },
  }, ['problem users["an\\u0000n"]', /control characters/]],
];

for (const [title, config, ...said] of SHAPES) {
  test(`of ${title}, what is wrong is said once, with what to write`, async () => {
    const { problems } = await load(config);
    assert.deepEqual(
      problems.map(({ severity, path }) => `${severity} ${path}`),
      said.map(([place]) => place),
    );
    for (const [index, [, message]] of said.entries()) assert.match(problems[index]?.message ?? "", message);
  });
}

/** What people write for the name of a variable → what is said. */
const REFERENCES: [unknown, RegExp][] = [
  [{ env: "$OPENAI_API_KEY" }, /without anything around it: write OPENAI_API_KEY$/],
  [{ env: "${OPENAI_API_KEY}" }, /without anything around it: write OPENAI_API_KEY$/],
  [{ env: "%OPENAI_API_KEY%" }, /without anything around it: write OPENAI_API_KEY$/],
  ["${OPENAI_API_KEY}", /never the key itself: write \{"env": "OPENAI_API_KEY"\}$/],
  ["$OPENAI_API_KEY", /write \{"env": "OPENAI_API_KEY"\}$/],
  ["os.environ/OPENAI_API_KEY", /write \{"env": "OPENAI_API_KEY"\}$/],
  [{ file: "~/.key" }, /there is no such file: ~ is not expanded, write the whole path/],
  [{ file: "$HOME/.key" }, /there is no such file: variables are not expanded, write the whole path/],
];

for (const [apiKey, message] of REFERENCES) {
  test(`for the key ${JSON.stringify(apiKey)} the right spelling is said`, async () => {
    const { problems } = await load(configWith({ providers: { openai: { apiKey } } }));
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.message ?? "", message);
  });
}

test("many warnings of one kind are one with their count, few are told one by one", async () => {
  const withUnused = (count: number) => {
    const unused = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`u${at}`, { provider: "openai" }]),
    );
    return { models: { m: { provider: "openai" }, ...unused }, users: { ann: { models: [{ name: "m" }] } } };
  };
  assert.equal((await load(withUnused(3))).problems.length, 3);
  const { problems, policy } = await load(withUnused(880));
  assert.deepEqual(problems.map(({ severity, path }) => [severity, path]), [["warning", "models.u0"]]);
  assert.match(problems[0]?.message ?? "", /No user may use "u0": .* \(and 879 more like this\)$/);
  assert.ok(policy);
});

test("targets that only failover reaches are one warning for all users", async () => {
  const names = Array.from({ length: 50 }, (_, at) => `m${at}`);
  const { problems } = await load({
    models: Object.fromEntries(names.map((name) => [name, { provider: "openai" }])),
    users: Object.fromEntries(["ann", "bob"].map((user) => [user, {
      models: [{ name: "m0", failover: names.slice(1) }],
    }])),
  });
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.message ?? "", /not among "ann"'s own models.*\(and 97 more like this\)$/);
});

test("problems are never folded", async () => {
  const models = Array.from({ length: 50 }, (_, at) => ({ name: `nowhere${at}` }));
  const { problems } = await load(configWith({ users: { ann: { models } } }));
  assert.equal(problems.filter(({ severity }) => severity === "problem").length, 50);
});
