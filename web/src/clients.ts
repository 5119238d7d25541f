/** Who else is there: the bridge's clients, looked at while the list is open. */

import type { App } from "./app";
import { byId, fill, make } from "./dom";
import type { Row } from "./parts";

const LOOK_MS = 2000;
const WAYS: Readonly<Record<string, string>> = { udp: "UDP", tcp: "TCP", web: "web socket" };

export interface ClientFacts {
  readonly name: string;
  readonly facts: string;
}

/** What an entry of `/klustr/clients.reply` says, for people. */
export function readClient(row: Row): ClientFacts {
  const [name, over, host, port, view, player, silent, dropped, own] = row;
  const address = String(host).includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const facts = [`${WAYS[String(over)] ?? over} ${address}`, `${view} view`, playedBy(String(player))];
  facts.push(Number(silent) < 1.5 ? "heard just now" : `heard ${Math.round(Number(silent))} s ago`);
  if (Number(dropped)) facts.push(`${Number(dropped).toLocaleString("en")} pushes dropped`);
  return { name: `${name || "without a name"}${Number(own) ? " (this page)" : ""}`, facts: facts.join(", ") };
}

function playedBy(mode: string): string {
  if (mode === "client") return "plays by itself";
  return mode === "both" ? "played by the bridge and itself" : "played by the bridge";
}

export class Clients {
  private readonly section = byId<HTMLDetailsElement>("clients-section");

  constructor(private readonly app: App) {
    const look = () => void this.look();
    this.section.addEventListener("toggle", look);
    app.on("open", look);
    window.setInterval(look, LOOK_MS);
  }

  private async look(): Promise<void> {
    if (!this.section.open || !this.app.link.open || document.visibilityState === "hidden") return;
    try {
      this.show((await this.app.link.ask("/klustr/clients")).rows);
    } catch (error) {
      if (this.app.link.open) fill(byId("clients"), [make("li", { className: "faint" }, (error as Error).message)]);
    }
  }

  private show(rows: readonly Row[]): void {
    byId("n-clients").textContent = `(${rows.length})`;
    fill(byId("clients"), rows.map((row) => {
      const { name, facts } = readClient(row);
      return make("li", {}, name, make("br"), make("span", { className: "faint" }, facts));
    }));
  }
}
