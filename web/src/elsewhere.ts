/** The page on another machine than the bridge's: what may be done there alone is not offered. */

import type { App } from "./app";
import { byId, make, toast } from "./dom";

/** What changes the library, tells where files lie, or listens for this machine's controllers. */
const OWN = ["library", "give", "problems-section", "midi-section", "copy-path", "star", "mini-star", "its-folder", "candidate", "reveal", "clients-section"];

export class Elsewhere {
  private readonly note = make("p", { id: "elsewhere", className: "faint" });

  constructor(private readonly app: App) {
    this.note.textContent = "The bridge runs on another machine: you see, move and hear here. Folders, files, favourites and kinds are changed there.";
    this.note.hidden = true;
    byId("panel").append(this.note);
    app.on("kinds", () => this.show());
    for (const type of ["dragenter", "dragover", "drop"]) window.addEventListener(type, (event) => this.refuse(event as DragEvent), true);
  }

  private show(): void {
    const { elsewhere } = this.app;
    const parts = [...OWN.map((id) => byId(id)), byId("filter-folder").closest<HTMLElement>("label")];
    for (const part of parts) if (part) part.hidden = elsewhere;
    const kind = byId("kind").closest<HTMLElement>("label");
    if (kind) kind.inert = elsewhere;
    this.note.hidden = !elsewhere;
  }

  /** Files stay out; else the browser would leave the page for what is dropped. */
  private refuse(event: DragEvent): void {
    if (!this.app.elsewhere || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "drop") toast("files are taken on the bridge's own machine alone");
  }
}
