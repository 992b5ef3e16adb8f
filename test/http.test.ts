import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../src/errors.ts";
import { type Incoming, MAX_BODY_BYTES, parseBody, readBytes, readJsonObject } from "../src/http.ts";
import { stringifyJson } from "../src/json.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

function incoming(pieces: readonly (string | Uint8Array)[], headers: Incoming["headers"] = {}): Incoming {
  const body = async function* () {
    for (const piece of pieces) yield typeof piece === "string" ? bytesOf(piece) : piece;
  };
  return {
    method: "POST",
    target: "/v1/chat/completions",
    version: "1.1",
    headers,
    peer: "127.0.0.1",
    body: body(),
    left: new AbortController().signal,
  };
}

const read = (pieces: readonly (string | Uint8Array)[], headers?: Incoming["headers"]) =>
  readJsonObject(incoming(pieces, headers), () => {});

test("a body is read whole, wherever it is cut", async () => {
  const text = '{"model":"é…😀","n":9007199254740993}';
  const bytes = bytesOf(text);
  for (let at = 0; at <= bytes.length; at++) {
    const body = await read([bytes.subarray(0, at), bytes.subarray(at)]);
    equal(textOf(body.bytes), text);
    equal(stringifyJson(body.value), text);
    deepEqual([...body.members.keys()], ["model", "n"]);
  }
});

test("a byte order mark at the start is no part of the text", async () => {
  equal(textOf((await read([new Uint8Array([0xef, 0xbb, 0xbf]), '{"a":1}'])).bytes), '{"a":1}');
});

test("what is not one JSON object is refused as such", async () => {
  for (
    const text of [
      "",
      " ",
      "null",
      "true",
      "7",
      "9007199254740993",
      '"a"',
      "[]",
      "[{}]",
      "{",
      '{"a":1}}',
      '{"a":1,}',
      "{}{}",
    ]
  ) {
    await rejects(read([text]), {
      code: "invalid_json",
      status: 400,
      message: "Invalid JSON in request body",
    }, text);
  }
});

test("bytes that are not UTF-8 are refused, and the next body is read as if they had never come", async () => {
  for (const bytes of [[0xff], [0x22, 0xc3, 0x22], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf0, 0x9f]]) {
    await rejects(read(['{"a":"', new Uint8Array(bytes), '"}']), { code: "invalid_json" });
    equal(textOf((await read(['{"a":"é"}'])).bytes), '{"a":"é"}');
  }
});

test("duplicate keys and texts beyond the limits are refused before they are parsed", () => {
  throws(() => parseBody(bytesOf('{"model":"a","mod\\u0065l":"b"}')), {
    code: "invalid_value",
    param: "model",
  });
  throws(() => parseBody(bytesOf(`{"a":${"[".repeat(1e6)}`)), { code: "json_too_complex", status: 400 });
});

test("any type that may be JSON is read, what cannot be is refused", async () => {
  const accepted = [
    undefined,
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON; Charset="UTF-8"',
    "application/x-www-form-urlencoded",
    "text/plain;charset=us-ascii",
  ];
  for (const type of accepted) deepEqual((await read(["{}"], { "content-type": type })).value, {});
  for (
    const type of [
      "multipart/form-data; boundary=x",
      "application/json; charset=utf-16",
      "text/plain; charset=latin1",
    ]
  ) {
    await rejects(
      read(["{}"], { "content-type": type }),
      { code: "unsupported_media_type", status: 415 },
      type,
    );
  }
  deepEqual((await read(["{}"], { "content-encoding": "Identity" })).value, {});
  for (const encoding of ["gzip", "br", "identity, gzip"]) {
    await rejects(read(["{}"], { "content-encoding": encoding }), { code: "unsupported_media_type" });
  }
});

test("a body that is too large is refused, announced or not, and no more of it is read", async () => {
  let closed = false;
  const endless = async function* () {
    try {
      for (;;) yield new Uint8Array(1024 * 1024);
    } finally {
      closed = true;
    }
  };
  const announced = { "content-length": `${MAX_BODY_BYTES + 1}` };
  await rejects(read(["{}"], announced), { code: "request_too_large", status: 413 });
  await rejects(readJsonObject({ ...incoming([]), body: endless() }, () => {}), {
    code: "request_too_large",
  });
  equal(closed, true);
});

test("a body is admitted before it is read where its length is known, else piece by piece", async () => {
  const admitted: number[] = [];
  const admit = (bytes: number) => void admitted.push(bytes);
  await readJsonObject(incoming(["{", "}"], { "content-length": "2" }), admit);
  deepEqual(admitted, [2]);
  admitted.length = 0;
  await readJsonObject(incoming(['{"a"', ":1}"]), admit);
  equal(admitted.reduce((sum, bytes) => sum + bytes, 0), 7);
  const refusal = new GatewayError("overloaded", "Too much in flight");
  let asked = false;
  const body = async function* () {
    asked = true;
    yield new Uint8Array(2);
  };
  const request = { ...incoming([], { "content-length": "2" }), body: body() };
  await rejects(
    readJsonObject(request, () => {
      throw refusal;
    }),
    refusal,
  );
  equal(asked, false);
});

test("as many bytes as the limit are read, one more is too many", async () => {
  const bytes = async function* (...lengths: number[]) {
    for (const length of lengths) yield new Uint8Array(length).fill(length);
  };
  const tooLarge = () => new GatewayError("request_too_large", "Too large");
  deepEqual(await readBytes(bytes(), 4, tooLarge), new Uint8Array());
  deepEqual(await readBytes(bytes(4), 4, tooLarge), new Uint8Array([4, 4, 4, 4]));
  deepEqual(await readBytes(bytes(1, 0, 3), 4, tooLarge), new Uint8Array([1, 3, 3, 3]));
  await rejects(readBytes(bytes(2, 3), 4, tooLarge), { code: "request_too_large" });
});

test("a client that leaves while its large body is read is not read on for", async () => {
  const left = new AbortController();
  const text = JSON.stringify({ a: Array.from({ length: 100_000 }, (_, index) => `item ${index}`) });
  const reading = readJsonObject({ ...incoming([text]), left: left.signal }, () => {});
  left.abort();
  await rejects(reading, { code: "client_disconnect" });
});
