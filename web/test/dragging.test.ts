import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadUrl } from "../src/dragging";

const AT = "http://127.0.0.1:7477/map/sound/7";
const nameOf = (name: string, isSlice = false) => downloadUrl(name, isSlice, AT).split(":")[1];

test("a file that the bridge gives as it is keeps its name", () => {
  assert.equal(downloadUrl("Kick 1.wav", false, AT), `application/octet-stream:Kick 1.wav:${AT}`);
  assert.equal(nameOf("Loop.MP3"), "Loop.MP3");
});

test("what comes as WAV is called so", () => {
  assert.equal(nameOf("Kick 1.aiff"), "Kick 1.wav");
  assert.equal(nameOf("take.one.w64"), "take.one.wav");
  assert.equal(nameOf("Loop.mp3", true), "Loop.wav");
  assert.equal(nameOf("no suffix"), "no suffix.wav");
});

test("no name breaks the value apart, or is none", () => {
  assert.equal(nameOf('a:b/c\\d"e.wav'), "a_b_c_d_e.wav");
  assert.equal(nameOf(""), "sound.wav");
});
