"""A process with a player of its own, for `ALSA_CONFIG_PATH` counts only before PortAudio starts.

It is driven by JSON lines: on standard input ``[method, arguments, keywords]``, on standard output
``["result", value]`` for each, and ``["problem", message]`` whenever the player tells one.
"""

import ctypes.util
import json
import os
import sys
import threading


def main() -> None:
    options = json.loads(sys.argv[1])
    if options.pop("without_portaudio", False):
        ctypes.util.find_library = lambda name: None
    from klustr_bridge.errors import PlayerError
    from klustr_bridge.player import list_devices, open_player

    writing = threading.Lock()

    def say(kind: str, value: object) -> None:
        with writing:
            print(json.dumps([kind, value]), flush=True)

    ended = threading.Event()
    player = open_player(on_problem=lambda message: say("problem", message), **options)

    def look_after() -> None:
        while not ended.wait(0.1):
            player.check()

    threading.Thread(target=look_after, daemon=True).start()
    for line in sys.stdin:
        method, arguments, keywords = json.loads(line)
        if method == "list_devices":
            try:
                say("result", list_devices())
            except PlayerError as error:
                say("result", f"PlayerError: {error}")
        elif method == "play":
            say("result", player.play(os.fsencode(arguments[0]), **keywords))
        elif method == "prefetch":
            player.prefetch([os.fsencode(path) for path in arguments])
            say("result", None)
        elif method == "problem":
            say("result", player.problem)
        else:
            say("result", getattr(player, method)(*arguments, **keywords))
    ended.set()


if __name__ == "__main__":
    main()
