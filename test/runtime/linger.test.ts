import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { test } from "node:test";
import { configOf, withProxy } from "../tools/proxy.ts";

/** Sends a head and then pieces of a body, whatever is answered meanwhile; what was read until the connection's end. */
function insist(
  port: number,
  head: string,
  pieces: number,
): Promise<{ text: string; failed: string | undefined }> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let failed: string | undefined;
    let left = pieces;
    const more = () => {
      while (left > 0 && socket.writable) {
        left--;
        if (!socket.write(Buffer.alloc(65_536, 120))) return void socket.once("drain", more);
      }
    };
    socket.on("connect", () => {
      socket.write(head);
      more();
    });
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => text += piece);
    socket.on("error", (error) => failed = error.message);
    socket.on("close", () => resolve({ text, failed }));
  });
}

test("a client that goes on sending a refused body reads why it was refused", () =>
  withProxy({ config: configOf({ "gpt-5": { provider: "openai" } }) }, async (proxy) => {
    const length = 40 * 1024 * 1024;
    const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-user: ann\r\n" +
      `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
    for (let round = 0; round < 5; round++) {
      const { text, failed } = await insist(Number(new URL(proxy.url).port), head, length / 65_536);
      assert.match(text, /^HTTP\/1\.1 413 [\s\S]*"code":"request_too_large"/);
      assert.equal(failed, undefined);
    }
  }));
