/** Files from outside: dropped or chosen, put into a folder of the library or compared with it. */

import type { App } from "./app";
import { byId, fill, make, toast } from "./dom";
import { findSimilar, upload, type Folder } from "./server";

const MOST_UPLOAD_BYTES = 200 * 2 ** 20;
const MOST_SIMILAR_BYTES = 50 * 2 ** 20;
const MOST_FILES = 2000;
const MOST_SAID = 50;

export class Giving {
  private readonly folder = byId<HTMLSelectElement>("give-folder");
  private readonly drop = byId("drop");
  private readonly files = byId<HTMLInputElement>("files");
  private readonly oneFile = byId<HTMLInputElement>("one-file");
  private inside = 0;

  constructor(private readonly app: App) {
    byId("add-files").addEventListener("click", () => this.files.click());
    byId("similar-file").addEventListener("click", () => this.oneFile.click());
    this.files.addEventListener("change", () => {
      void this.add([...(this.files.files ?? [])]);
      this.files.value = "";
    });
    this.oneFile.addEventListener("change", () => {
      const file = this.oneFile.files?.[0];
      if (file) void this.compare(file);
      this.oneFile.value = "";
    });
    this.listen();
  }

  offer(folders: readonly Folder[]): void {
    const chosen = this.folder.value;
    fill(this.folder, folders.map(({ path }) => make("option", { value: path }, path)));
    if (folders.some(({ path }) => path === chosen)) this.folder.value = chosen;
    byId<HTMLButtonElement>("add-files").disabled = !folders.length;
  }

  private listen(): void {
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragenter", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.inside++;
      byId("drop-folder").textContent = this.folder.value ? `into ${this.folder.value}` : "no folder is watched yet";
      this.drop.hidden = false;
    });
    window.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      for (const zone of this.zones()) zone.classList.toggle("over", zone === event.target);
    });
    window.addEventListener("dragleave", () => {
      this.inside = Math.max(0, this.inside - 1);
      if (!this.inside) this.drop.hidden = true;
    });
    window.addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.inside = 0;
      this.drop.hidden = true;
      void this.take(event);
    });
  }

  private zones(): HTMLElement[] {
    return [...this.drop.querySelectorAll<HTMLElement>(".zone")];
  }

  private async take(event: DragEvent): Promise<void> {
    const zone = (event.target as HTMLElement).dataset?.zone ?? "add";
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
    const plain = [...(event.dataTransfer?.files ?? [])]; // gone once this function waits for something
    try {
      const files = entries.some((entry) => entry?.isDirectory) ? await filesOf(entries) : plain;
      if (zone === "similar" && files.length) await this.compare(files[0]);
      else await this.add(files);
    } catch (error) {
      toast(`what was dropped can't be read: ${(error as Error).message}`);
    }
  }

  private async add(files: readonly File[]): Promise<void> {
    const folder = this.folder.value;
    if (!folder) return toast("no folder is watched yet: name one under Library");
    const given = byId("given");
    byId<HTMLDetailsElement>("give").open = true;
    fill(given, []);
    let added = 0;
    for (const [i, file] of files.entries()) {
      toast(`adding ${i + 1} of ${files.length}: ${file.name}`);
      const problem = await this.addOne(folder, file);
      if (!problem) added++;
      else if (given.childElementCount < MOST_SAID) {
        given.append(make("li", {}, `${file.name}: `, make("span", { className: "bad" }, problem)));
      }
    }
    const refused = files.length - added;
    given.prepend(make("li", {}, `${added} of ${files.length} files added to ${folder}`));
    toast(`${added} added${refused ? `, ${refused} refused: see Give sounds` : ""}`);
  }

  /** Send one file; what is wrong with it, or "". */
  private async addOne(folder: string, file: File): Promise<string> {
    if (file.size > MOST_UPLOAD_BYTES) return "larger than 200 MiB";
    try {
      await upload(folder, file.name, file);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  private async compare(file: File): Promise<void> {
    if (file.size > MOST_SIMILAR_BYTES) return toast(`${file.name} is larger than 50 MiB`);
    const { app } = this;
    toast(`listening to ${file.name}`);
    try {
      const similar = await findSimilar(file.name, file);
      if (!similar.length) return toast(`nothing in the library is like ${file.name}`);
      app.world.setLit(new Set(similar.map(({ id }) => id)));
      app.playAndShow(similar[0].id);
      toast(`${similar.length} sounds like ${file.name} are lit; the nearest is chosen`);
    } catch (error) {
      toast(`${file.name}: ${(error as Error).message}`);
    }
  }
}

/** All files of what was dropped, those in folders included. */
async function filesOf(entries: readonly (FileSystemEntry | null)[]): Promise<File[]> {
  const files: File[] = [];
  const left = entries.filter((entry): entry is FileSystemEntry => entry !== null);
  while (left.length && files.length < MOST_FILES) {
    const entry = left.shift() as FileSystemEntry;
    if (entry.isDirectory) left.push(...(await listed(entry as FileSystemDirectoryEntry)));
    else if (!entry.name.startsWith(".")) {
      files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    }
  }
  return files;
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
