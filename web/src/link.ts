/** The web socket: commands out, replies and pushes in; comes back by itself when the bridge restarts. */

import { Assembler, isList, type Argument, type Row } from "./parts";

export type Arguments = readonly Argument[];
export type Handler = (args: Arguments) => void;

export class Refused extends Error {
  constructor(
    readonly address: string,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Waiting {
  readonly address: string;
  resolve(value: { args: Arguments; rows: Row[] }): void;
  reject(error: Error): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
const PING_MS = 20_000; // a lease lasts 60 s
const ANSWER_MS = 10_000;

/** One connection to the bridge at a time. `onState` hears when it is there and when it is lost. */
export class Link {
  private socket: WebSocket | null = null;
  private pause = FIRST_PAUSE_MS;
  private nextReq = 1;
  private readonly assembler = new Assembler();
  private readonly asked = new Map<number, Waiting>();
  private commanded: Waiting[] = [];
  private readonly handlers = new Map<string, Handler[]>();
  /** Whether the last connection was one: false where it was refused. */
  wasOpen = false;

  private givenUp = false;

  /** `onFail` hears what the bridge refuses of what nobody waits for. */
  constructor(
    private readonly url: string,
    private readonly onState: (open: boolean) => void,
    private readonly onFail: (error: Refused) => void = () => {},
  ) {
    this.on("/klustr/done", ([address]) => this.settle(String(address), null));
    this.on("/klustr/fail", (args) => this.fail(args));
    window.setInterval(() => this.send("/klustr/ping", 0), PING_MS);
  }

  /** Try no further: what shuts this page out stays as it is until it is loaded anew. */
  giveUp(): void {
    this.givenUp = true;
  }

  connect(): void {
    if (this.givenUp) return;
    const socket = new WebSocket(this.url);
    let wasOpen = false;
    this.socket = socket;
    socket.onopen = () => {
      wasOpen = true;
      this.pause = FIRST_PAUSE_MS;
      this.onState(true);
    };
    socket.onmessage = (event) => this.take(String(event.data));
    socket.onclose = () => {
      this.socket = null;
      this.wasOpen = wasOpen;
      this.drop();
      this.onState(false);
      window.setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(LONGEST_PAUSE_MS, 2 * this.pause);
    };
  }

  get open(): boolean {
    return this.socket !== null && this.socket.readyState === WebSocket.OPEN;
  }

  /** Call `handler` with the arguments of every message to an address. */
  on(address: string, handler: Handler): void {
    this.handlers.set(address, [...(this.handlers.get(address) ?? []), handler]);
  }

  /** Send a command that has no answer; while there is no connection it is lost. */
  send(address: string, ...args: Argument[]): void {
    if (this.open) this.socket?.send(JSON.stringify({ address, arguments: args }));
  }

  /** Ask a question; its number is put before `args`. */
  ask(address: string, args: Arguments = [], deadlineMs = ANSWER_MS): Promise<{ args: Arguments; rows: Row[] }> {
    const req = this.nextReq++;
    return this.wait(address, deadlineMs, (waiting) => {
      this.asked.set(req, waiting);
      this.send(address, req, ...args);
      return () => this.asked.delete(req);
    });
  }

  /** Send a library command, which is answered by done or fail. */
  async command(address: string, args: Arguments = [], deadlineMs = ANSWER_MS): Promise<void> {
    await this.wait(address, deadlineMs, (waiting) => {
      this.commanded.push(waiting);
      this.send(address, ...args);
      return () => {
        this.commanded = this.commanded.filter((other) => other !== waiting);
      };
    });
  }

  private wait(
    address: string,
    deadlineMs: number,
    begin: (waiting: Waiting) => () => void,
  ): Promise<{ args: Arguments; rows: Row[] }> {
    if (!this.open) return Promise.reject(new Refused(address, "lost", "the bridge is not there"));
    return new Promise((resolve, reject) => {
      let end = () => {};
      const timer = window.setTimeout(() => {
        end();
        reject(new Refused(address, "lost", `no answer to ${address}`));
      }, deadlineMs);
      const close = () => {
        window.clearTimeout(timer);
        end();
      };
      end = begin({
        address,
        resolve: (value) => (close(), resolve(value)),
        reject: (error) => (close(), reject(error)),
      });
    });
  }

  private take(text: string): void {
    const { address, arguments: args } = JSON.parse(text) as { address: string; arguments: Argument[] };
    if (isList(address)) {
      const whole = this.assembler.take(address, args);
      if (whole) this.asked.get(whole.req)?.resolve({ args, rows: whole.rows });
    } else if (address.endsWith(".reply")) {
      this.asked.get(Number(args[0]))?.resolve({ args, rows: [] });
    }
    for (const handler of this.handlers.get(address) ?? []) handler(args);
  }

  private settle(address: string, error: Error | null): boolean {
    const waiting = this.commanded.find((other) => other.address === address);
    if (!waiting) return false;
    if (error) waiting.reject(error);
    else waiting.resolve({ args: [], rows: [] });
    return true;
  }

  private fail(args: Arguments): void {
    const [address, req, code, message] = args;
    const error = new Refused(String(address), String(code), String(message));
    const waiting = this.asked.get(Number(req));
    if (waiting && waiting.address === address) waiting.reject(error);
    else if (!this.settle(String(address), error) && Number(req) < 0) this.onFail(error); // a late answer is nobody's
  }

  /** Nobody will answer any more what was asked over a connection that is gone. */
  private drop(): void {
    const gone = [...this.asked.values(), ...this.commanded];
    this.assembler.clear();
    for (const waiting of gone) waiting.reject(new Refused(waiting.address, "lost", "the bridge has gone"));
  }
}
