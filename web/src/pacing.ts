/** When to do what is asked for again and again. Pure but for the timers. */

/** Call `action` once nothing has asked for it for `pauseMs`: as a search while somebody types. */
export function calm(pauseMs: number, action: () => void): () => void {
  let timer = 0;
  return () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(action, pauseMs);
  };
}

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 16_000;

/** Call `action` a while after it has failed, and ever later the more often it does. */
export class Retry {
  private timer = 0;
  private pause = FIRST_RETRY_MS;

  constructor(private readonly action: () => void) {}

  /** Whether it has failed and not yet gone well again. */
  get isUnderWay(): boolean {
    return this.pause > FIRST_RETRY_MS;
  }

  /** It has failed. */
  begin(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(this.action, this.pause);
    this.pause = Math.min(LONGEST_RETRY_MS, 2 * this.pause);
  }

  /** It has gone well. */
  end(): void {
    window.clearTimeout(this.timer);
    this.pause = FIRST_RETRY_MS;
  }
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
