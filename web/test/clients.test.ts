import assert from "node:assert/strict";
import { test } from "node:test";

import { readClient } from "../src/clients";

test("a client is told in words", () => {
  const pad = readClient(["pad", "udp", "127.0.0.1", 9000, "even", "client", 12.4, 1500, 0]);
  assert.equal(pad.name, "pad");
  assert.equal(pad.facts, "UDP 127.0.0.1:9000, even view, plays by itself, heard 12 s ago, 1,500 pushes dropped");
});

test("the page itself is marked, and IPv6 is bracketed", () => {
  const page = readClient(["web", "web", "::1", 50123, "natural", "internal", 0.2, 0, 1]);
  assert.equal(page.name, "web (this page)");
  assert.equal(page.facts, "web socket [::1]:50123, natural view, played by the bridge, heard just now");
});

test("who only listens has no name", () => {
  assert.equal(readClient(["", "web", "127.0.0.1", 1, "natural", "both", 0, 0, 0]).name, "without a name");
});
