/** What was dropped, files and folders, as files with the names that they get in the library. Pure but for what it reads. */

export interface Dropped {
  readonly files: readonly { readonly file: File; readonly name: string }[];
  /** How many files there are beyond these. */
  readonly nLeftOut: number;
}

const MOST_FILES = 2000;
const MOST_LOOKED_AT = 100_000;

interface Found {
  readonly entry: FileSystemFileEntry;
  readonly folder: string;
}

/** The first `most` files of what was dropped, those in folders included, and how many were left out. */
export async function filesOf(entries: readonly (FileSystemEntry | null)[], most = MOST_FILES): Promise<Dropped> {
  const found: Found[] = [];
  const left = entries.filter(isThere).map((entry) => ({ entry, folder: "" }));
  while (left.length && found.length < MOST_LOOKED_AT) {
    const { entry, folder } = left.shift() as { entry: FileSystemEntry; folder: string };
    if (entry.isDirectory) {
      left.push(...(await listed(entry as FileSystemDirectoryEntry)).map((inner) => ({ entry: inner, folder: entry.name })));
    } else if (!entry.name.startsWith(".")) {
      found.push({ entry: entry as FileSystemFileEntry, folder });
    }
  }
  const files = [];
  for (const { entry, folder } of found.slice(0, most)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    files.push({ file, name: nameWithFolder(entry.name, folder) });
  }
  return { files, nLeftOut: Math.max(0, found.length - most) };
}

/**
 * All files come into one folder, and the name of the one that they were in may be all that tells their kind:
 * `Kicks/01.wav` becomes `01 (Kicks).wav`, `Kicks/Kick 1.wav` stays. It stands behind, as of several words the first counts.
 */
export function nameWithFolder(name: string, folder: string): string {
  const said = wordsOf(name);
  const isSaid = wordsOf(folder).some((word) => said.some((other) => word.startsWith(other) || other.startsWith(word)));
  if (!folder || isSaid) return name;
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  return `${stem} (${folder})${name.slice(stem.length)}`;
}

function wordsOf(name: string): string[] {
  return (name.toLowerCase().match(/\p{L}+/gu) ?? []).filter((word) => word.length > 2);
}

function isThere(entry: FileSystemEntry | null): entry is FileSystemEntry {
  return entry !== null;
}

/** A browser lists a folder a hundred entries at a time. */
async function listed(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
