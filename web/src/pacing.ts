/** When to do what is asked for again and again. Pure but for the timers. */

/** Call `action` once nothing has asked for it for `pauseMs`: as a search while somebody types. */
export function calm(pauseMs: number, action: () => void): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(action, pauseMs);
  };
}

/** Call `action` within `pauseMs` of being asked to, however often that is: as news that come without a pause. */
export function paced(pauseMs: () => number, action: () => void): () => void {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    window.setTimeout(() => {
      waits = false;
      action();
    }, pauseMs());
  };
}
