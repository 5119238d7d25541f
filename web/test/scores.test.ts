import assert from "node:assert/strict";
import { test } from "node:test";
import { compared, scoreFacts } from "../src/scores";

test("scores are said in words and percent, those that say most first", () => {
  const told = scoreFacts([["overlap", 0.9], ["silhouette", -0.226], ["neighbour_share", 0.654], ["something_else", 1]]);
  assert.deepEqual(told, [["Like sounds are near", "65 %"], ["Kinds are apart (-1 to 1)", "-0.23"], ["Kinds' regions are free of others", "90 %"]]);
});

test("two maps are compared by which is better, and how far sounds would move is not a comparison", () => {
  const now = [["neighbour_share", 0.6], ["roundness", 0.5], ["overlap", 0.5], ["moved_median", 0.9]] as const;
  const then = [["neighbour_share", 0.7], ["roundness", 0.4], ["overlap", 0.501], ["moved_median", 0.2], ["reach_7_bit", 1]] as const;
  assert.deepEqual(compared(now, then), [
    ["Like sounds are near", "60 % → 70 %, better"],
    ["Kinds' regions are round", "50 % → 40 %, worse"],
    ["Kinds' regions are free of others", "50 % → 50 %, the same"],
    ["Reached by a 7-bit pad", "100 %"],
    ["Half would move at most", "20 %"],
  ]);
});
