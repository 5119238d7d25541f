"""Visit a few sounds of the map, hear them, and ask what sounds like the last one.

python examples/python_client.py [PORT]
"""

import sys

from klustr_bridge.client import Client


def main(port: int) -> None:
    with Client(port=port) as bridge:
        welcome = bridge.hello("python example")
        print(f"klustr-bridge {welcome.version}: {welcome.sounds} sounds, {welcome.state}")

        bridge.send("/klustr/audition", "change")  # moving plays what is nearest
        points = bridge.points()
        for point in points[:: max(1, len(points) // 5)][:5]:
            bridge.send("/klustr/xy", point.x, point.y)
            _, sound_id, x, y, _, _ = bridge.wait("/klustr/hit")
            sound = bridge.info(int(sound_id))
            print(f"hit {sound.kind:10} {sound.name} at {x:.2f} {y:.2f}, {sound.duration:.2f} s")

        print(f"most like {sound.name}:")
        for near in bridge.similar(sound.id, 3):
            print(f"    {near.distance:6.2f}  {bridge.path(near.id)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7475)
