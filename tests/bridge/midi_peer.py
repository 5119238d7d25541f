"""A controller in a process of its own: sends what it is told, one message in hexadecimal a line.

Usage: python -m tests.bridge.midi_peer CLIENT PORT, or --to PORT for one that is there; says "ready", then
the time of each message sent (seconds of the machine's monotonic clock).
"""

import sys
import time

import mido

JACK = "mido.backends.rtmidi/UNIX_JACK"
APART_S = 0.002  # JACK loses some of what comes in bursts


def main(client: str, port: str) -> None:
    backend = mido.Backend(JACK)
    if client == "--to":
        output = backend.open_output(port)
    else:
        output = backend.open_output(port, virtual=True, client_name=client)
    print("ready", flush=True)
    for line in sys.stdin:
        sent_s = time.monotonic()
        output.send(mido.Message.from_hex(line))
        time.sleep(APART_S)
        print(sent_s, flush=True)
    output.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
