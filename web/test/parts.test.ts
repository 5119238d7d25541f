import assert from "node:assert/strict";
import { test } from "node:test";
import { Assembler, isList, readInfo } from "../src/parts";

test("a list in parts is put together in order, whatever order they come in", () => {
  const assembler = new Assembler();
  assert.equal(assembler.take("/klustr/near.reply", [5, 2, 2, 1, 30, 0.3, 0.1, 0.2]), null);
  assert.equal(assembler.take("/klustr/near.reply", [5, 2, 2, 1, 30, 0.3, 0.1, 0.2]), null);
  const whole = assembler.take("/klustr/near.reply", [5, 1, 2, 2, 10, 0.1, 0, 0, 20, 0.2, 0, 0]);
  assert.equal(whole?.req, 5);
  assert.deepEqual(whole?.rows.map((row) => row[0]), [10, 20, 30]);
});

test("two answers on their way at once are kept apart", () => {
  const assembler = new Assembler();
  assert.equal(assembler.take("/klustr/find.reply", [1, 1, 2, 1, 11]), null);
  assert.deepEqual(assembler.take("/klustr/find.reply", [2, 1, 1, 2, 21, 22])?.rows, [[21], [22]]);
  assert.deepEqual(assembler.take("/klustr/find.reply", [1, 2, 2, 1, 12])?.rows, [[11], [12]]);
});

test("an empty list is whole at once, and one with a head keeps its entries apart", () => {
  const assembler = new Assembler();
  assert.deepEqual(assembler.take("/klustr/problems.reply", [3, 1, 1, 0]), { req: 3, rows: [] });
  assert.deepEqual(assembler.take("/klustr/points.reply", [3, 1, 1, 1, 9, 7, 0.5, 0.25])?.rows, [[7, 0.5, 0.25]]);
});

test("a part whose numbers don't fit is refused", () => {
  const assembler = new Assembler();
  assert.throws(() => assembler.take("/klustr/find.reply", [1, 1, 1, 3, 11]), /part 1 of 1 has 1 values for 3/);
  assert.throws(() => assembler.take("/klustr/find.reply", [1, 3, 2, 1, 11]), /part 3 of 2/);
});

test("what is forgotten does not come back with a late part", () => {
  const assembler = new Assembler();
  assembler.take("/klustr/find.reply", [1, 1, 2, 1, 11]);
  assembler.clear();
  assert.equal(assembler.take("/klustr/find.reply", [1, 2, 2, 1, 12]), null);
});

test("lists and single replies are told apart", () => {
  assert.ok(isList("/klustr/near.reply"));
  assert.ok(!isList("/klustr/info.reply"));
});

test("the facts of a sound are read by their place", () => {
  const info = readInfo([1, 9, "u", "Kick 1.wav", "kick", 0.1, 0.2, 0.5, -3, 55, 0, 0.5, 0.9, 300, 0.2, 1, 120, "file", 0.8]);
  assert.equal(info.id, 9);
  assert.equal(info.kind, "kick");
  assert.equal(info.durationS, 0.5);
  assert.equal(info.pitchConfidence, 0.9);
  assert.equal(info.isLoop, true);
  assert.equal(info.kindSource, "file");
});
