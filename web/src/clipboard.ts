/** Text into the clipboard, also in browsers inside other programs, which have no clipboard of their own. */

export async function toClipboard(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "quiet";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) throw new Error(`this browser copies nothing; the path is ${text}`);
  }
}
