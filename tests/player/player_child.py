"""A process with a player of its own, for `ALSA_CONFIG_PATH` counts only before PortAudio starts.

It is driven by JSON lines: on standard input ``[method, arguments, keywords]``, on standard output
``["result", value]`` for each, and ``["problem", message]`` whenever the player tells one.
"""

import ctypes.util
import itertools
import json
import os
import sys
import threading
import time


def main() -> None:
    options = json.loads(sys.argv[1])
    if options.pop("without_portaudio", False):
        ctypes.util.find_library = lambda name: None
    from klustr_bridge.errors import PlayerError
    from klustr_bridge.player import list_devices
    from klustr_bridge.player.engine import Engine
    from klustr_bridge.settings import AudioSettings
    from klustr_bridge.types import PlayRequest

    writing = threading.Lock()

    def say(kind: str, value: object) -> None:
        with writing:
            print(json.dumps([kind, value]), flush=True)

    ended = threading.Event()
    recordings = options.pop("recordings", "/nowhere")
    player = Engine(AudioSettings(**options), recordings, lambda message: say("problem", message))
    voices = itertools.count(1)

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
            voice = next(voices)
            player.play(voice, PlayRequest(os.fsencode(arguments[0]), **keywords))
            say("result", voice)
        elif method == "now":
            say("result", time.monotonic())
        elif method == "start_recording":
            try:
                path, seconds = player.start_recording()
                say("result", [os.fsdecode(path), seconds])
            except PlayerError as error:
                say("result", f"PlayerError: {error}")
        elif method == "stop_recording":
            path, seconds = player.stop_recording()
            say("result", [os.fsdecode(path), seconds])
        elif method == "prefetch":
            player.prefetch([PlayRequest(os.fsencode(path)) for path in arguments])
            say("result", None)
        elif method == "problem":
            say("result", player.problem)
        else:
            say("result", getattr(player, method)(*arguments, **keywords))
    ended.set()


if __name__ == "__main__":
    main()
