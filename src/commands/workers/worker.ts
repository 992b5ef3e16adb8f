/** The program of a worker. */

import process from "node:process";
import { outlive } from "../../outlive.ts";

// Signals to all processes of a service come at any time, and loading the program takes some.
outlive();
const { serveOrders } = await import("./serve-orders.ts");
process.exitCode = await serveOrders();
