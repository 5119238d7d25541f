/** Files from outside: dropped or chosen, put into a folder of the library or compared with it. */

import type { App } from "./app";
import { byId, fill, make, toast } from "./dom";
import { filesOf, type Dropped } from "./dropping";
import { findSimilar, upload, type Folder } from "./server";

const MOST_UPLOAD_BYTES = 200 * 2 ** 20;
const MOST_SIMILAR_BYTES = 50 * 2 ** 20;
const MOST_SAID = 50;

export class Giving {
  private readonly folder = byId<HTMLSelectElement>("give-folder");
  private readonly drop = byId("drop");
  private readonly files = byId<HTMLInputElement>("files");
  private readonly oneFile = byId<HTMLInputElement>("one-file");
  private inside = 0;

  /** `list` shows sounds that are like something of a name. */
  constructor(
    private readonly app: App,
    private readonly list: (name: string, ids: readonly number[]) => void,
  ) {
    byId("add-files").addEventListener("click", () => this.files.click());
    byId("similar-file").addEventListener("click", () => this.oneFile.click());
    this.files.addEventListener("change", () => {
      void this.add(plainly([...(this.files.files ?? [])]));
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
    const paths = folders.map(({ path }) => path);
    if (paths.join("\n") !== [...this.folder.options].map(({ value }) => value).join("\n")) { // an open list is left alone
      fill(this.folder, paths.map((path) => make("option", { value: path }, path)));
      if (paths.includes(chosen)) this.folder.value = chosen;
    }
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
      const dropped = entries.some((entry) => entry?.isDirectory) ? await filesOf(entries) : plainly(plain);
      if (zone === "similar" && dropped.files.length) await this.compare(dropped.files[0].file);
      else await this.add(dropped);
    } catch (error) {
      toast(`what was dropped can't be read: ${(error as Error).message}`);
    }
  }

  private async add({ files, nLeftOut }: Dropped): Promise<void> {
    const folder = this.folder.value;
    if (!folder) return toast("no folder is watched yet: name one under Library");
    const given = byId("given");
    byId<HTMLDetailsElement>("give").open = true;
    fill(given, []);
    let added = 0;
    for (const [i, { file, name }] of files.entries()) {
      toast(`adding ${i + 1} of ${files.length}: ${name}`, i === 0);
      const problem = await this.addOne(folder, name, file);
      if (!problem) added++;
      else if (given.childElementCount < MOST_SAID) {
        given.append(make("li", {}, `${name}: `, make("span", { className: "bad" }, problem)));
      }
    }
    const refused = files.length - added;
    const leftOut = nLeftOut ? `${nLeftOut.toLocaleString("en")} more were left out: drop them in smaller groups` : "";
    if (leftOut) given.prepend(make("li", {}, make("span", { className: "bad" }, leftOut)));
    given.prepend(make("li", {}, `${added} of ${files.length} files added to ${folder}`));
    const also = [refused ? `${refused} refused` : "", nLeftOut ? `${nLeftOut.toLocaleString("en")} left out` : ""].filter(Boolean);
    toast(`${added} added${also.length ? `, ${also.join(", ")}: see Give sounds` : ""}`);
  }

  /** Send one file; what is wrong with it, or "". */
  private async addOne(folder: string, name: string, file: File): Promise<string> {
    if (file.size > MOST_UPLOAD_BYTES) return "larger than 200 MiB";
    try {
      await upload(folder, name, file);
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
      this.list(file.name, similar.map(({ id }) => id));
      app.playAndShow(similar[0].id);
      toast(`${similar.length} sounds like ${file.name} are lit and listed; the nearest is chosen`);
    } catch (error) {
      toast(`${file.name}: ${(error as Error).message}`);
    }
  }
}

function plainly(files: readonly File[]): Dropped {
  return { files: files.map((file) => ({ file, name: file.name })), nLeftOut: 0 };
}
