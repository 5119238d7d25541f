/** Small words for the page's elements. */

import type { KindLook } from "./drawing";
import { traceShape } from "./drawing";

/** The element with an id; it stands in index.html, so a missing one is a mistake of ours. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element '${id}'`);
  return element as T;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Replace all that an element holds (`replaceChildren` is too new for the browser inside Max 8). */
export function fill(element: HTMLElement, children: readonly (Node | string)[]): void {
  element.textContent = "";
  element.append(...children);
}

export function facts(list: HTMLElement, rows: readonly (readonly [string, string])[]): void {
  fill(list, rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

export function pressed(button: HTMLElement, on: boolean): void {
  button.setAttribute("aria-pressed", String(on));
}

let toastTimer = 0;

/** Tell the user something that has happened; it goes away by itself. What is one of many is not said `aloud`. */
export function toast(text: string, aloud = true): void {
  const element = byId("toast");
  element.setAttribute("aria-live", aloud ? "polite" : "off");
  element.textContent = text;
  window.clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => (element.textContent = ""), 6000);
}

/** A picture of a kind's marker. */
export function marker(look: KindLook | undefined): HTMLCanvasElement {
  const canvas = make("canvas", { className: "dot", width: 24, height: 24 });
  canvas.setAttribute("aria-hidden", "true");
  const context = canvas.getContext("2d");
  if (context && look) {
    context.fillStyle = look.colour;
    traceShape(context, look.shape, 12, 12, 9);
    context.fill();
  }
  return canvas;
}

export function kindTitle(kind: string): string {
  return kind.replace(/_/g, " ");
}

export function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `1.234 s` or `12 ms`, as short as it can be read. */
export function seconds(value: number): string {
  return value < 1 ? `${Math.round(1000 * value)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}
