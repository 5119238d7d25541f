// Builds the page into klustr_bridge/bridge/page, or with --tests the tests into build/.
// `node build.mjs --out DIR` builds elsewhere: so that a test can compare with what is kept.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);

async function buildPage(out) {
  mkdirSync(out, { recursive: true });
  await build({
    absWorkingDir: here,
    entryPoints: [
      { in: "src/main.ts", out: "map" },
      { in: "map.css", out: "map" },
    ],
    outdir: out,
    bundle: true,
    minify: true,
    // what the browser inside Max 8 (Chromium 70 and later) understands
    target: ["chrome70", "firefox78", "safari14.1"],
    format: "iife",
    charset: "utf8",
    legalComments: "none",
    logLimit: 10,
  });
  copyFileSync(join(here, "index.html"), join(out, "index.html"));
}

async function buildTests() {
  const out = join(here, "build");
  rmSync(out, { recursive: true, force: true });
  const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    absWorkingDir: here,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: out,
    bundle: true,
    platform: "node",
    format: "esm",
    outExtension: { ".js": ".mjs" },
  });
}

if (words[0] === "--tests") {
  await buildTests();
} else {
  const at = words.indexOf("--out");
  await buildPage(at >= 0 ? resolve(words[at + 1]) : join(here, "../klustr_bridge/bridge/page"));
}
