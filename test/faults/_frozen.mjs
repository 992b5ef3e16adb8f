// A server that takes no connections, to be stopped by its parent: node test/faults/_frozen.mjs prints its port.

import { createServer } from "node:net";
import process from "node:process";

const server = createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => console.log(server.address().port));
// Whoever started it may die without a word.
setTimeout(() => process.exit(1), 30_000);
