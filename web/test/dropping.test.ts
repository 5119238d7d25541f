import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, nameWithFolder } from "../src/dropping";

function file(name: string): FileSystemEntry {
  const give = (resolve: (file: File) => void) => resolve(new File(["x"], name));
  return { name, isDirectory: false, isFile: true, file: give } as unknown as FileSystemEntry;
}

/** A folder that is listed some entries at a time, as browsers do. */
function folder(name: string, ...inner: FileSystemEntry[]): FileSystemEntry {
  const createReader = () => {
    const left = [...inner];
    return { readEntries: (resolve: (some: FileSystemEntry[]) => void) => resolve(left.splice(0, 2)) };
  };
  return { name, isDirectory: true, isFile: false, createReader } as unknown as FileSystemEntry;
}

const kicks = () => folder("Kicks", file("01.wav"), file("Kick 2.wav"), file(".DS_Store"), file("Tight.flac"));

test("of folders all files are taken, each with what its folder tells of its kind", async () => {
  const { files, nLeftOut } = await filesOf([folder("Drums", kicks(), folder("Snares", file("01.wav"))), null, file("Loose.wav")]);
  const names = files.map(({ name }) => name).sort();
  assert.deepEqual(names, ["01 (Kicks).wav", "01 (Snares).wav", "Kick 2.wav", "Loose.wav", "Tight (Kicks).flac"]);
  assert.equal(files.find(({ name }) => name === "01 (Kicks).wav")?.file.name, "01.wav");
  assert.equal(nLeftOut, 0);
});

test("what is beyond the most that is taken is counted", async () => {
  const { files, nLeftOut } = await filesOf([kicks(), kicks(), file("a.wav")], 5);
  assert.deepEqual([files.length, nLeftOut], [5, 2]);
});

test("a folder's name stands behind a file's that does not say it", () => {
  assert.equal(nameWithFolder("01.wav", "Closed Hats"), "01 (Closed Hats).wav");
  assert.equal(nameWithFolder("Hat 01.wav", "Closed Hats"), "Hat 01.wav");
  assert.equal(nameWithFolder("take", "Claps"), "take (Claps)");
  assert.equal(nameWithFolder("01.wav", ""), "01.wav");
});
