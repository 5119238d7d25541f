import assert from "node:assert/strict";
import { test } from "node:test";

import { deviceFacts, troubleOf } from "../src/devices";

test("devices are told line by line, ports where there are some", () => {
  const status = { audio: "card, channels 1-2", midi: "listening to a", midi_inputs: ["a", "klustr-bridge"], midi_outputs: [] };
  assert.deepEqual(deviceFacts(status), [
    ["audio", "card, channels 1-2"],
    ["MIDI", "listening to a"],
    ["MIDI in", "a, klustr-bridge"],
  ]);
  assert.deepEqual(deviceFacts({}), [], "a bridge that tells nothing");
});

test("no sound is no trouble to a page that sounds by itself", () => {
  const status = { audio_problem: "no device", midi_problem: "in use" };
  assert.deepEqual(troubleOf(status, false), ["No sound", "no device"]);
  assert.deepEqual(troubleOf(status, true), ["MIDI", "in use"]);
  assert.equal(troubleOf({ audio_problem: null, midi_problem: null }, false), null);
});
