"""From MIDI bytes to actions, without ports or time: bindings, fingers, pads, pins, and broken input."""

from collections.abc import Sequence

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klustr_bridge.midi import (
    DEFAULT,
    Action,
    Binding,
    Command,
    Controller,
    Hit,
    Lift,
    Mapping,
    Move,
    Pads,
    StopAll,
    Trigger,
    parse_control,
)
from klustr_bridge.midi.actions import Key, Release
from klustr_bridge.midi.bindings import RELATIVE, TAKEOVERS
from klustr_bridge.midi.mapping import JOIN_S, steps_of

LATER_S = 1000.0


def heard(data: str, *bindings: Binding, gap_s: float = 0.001, **more: object) -> list[Action]:
    """What a controller makes of bytes whose messages come `gap_s` apart, and of a silence after them."""
    mapping = Mapping(Controller(bindings=bindings, **more), "knobs")  # type: ignore[arg-type]
    return fed(mapping, data, gap_s) + mapping.due(LATER_S)


def fed(mapping: Mapping, data: str, gap_s: float = 0.001, begin_s: float = 0.0) -> list[Action]:
    parser = mido.Parser()
    parser.feed(bytes.fromhex(data))
    actions: list[Action] = []
    for number, message in enumerate(parser):
        actions += mapping.hear(message, begin_s + number * gap_s)
    return actions


def bind(control: str, target: str, argument: str = "", **more: object) -> Binding:
    return Binding(parse_control(control), target, argument, **more)  # type: ignore[arg-type]


def places(actions: Sequence[Action]) -> list[tuple[float, float]]:
    return [(round(a.x, 4), round(a.y, 4)) for a in actions if isinstance(a, Move)]


X14, Y14 = bind("cc14 16", "x"), bind("cc14 17", "y")


def test_fourteen_bits_of_both_axes_are_one_move() -> None:
    """Four messages: the halves of X, then those of Y."""
    moves = heard("B0 30 00 B0 31 00 B0 10 40 B0 30 10 B0 11 20 B0 31 7F", X14, Y14)
    assert places(moves)[-1] == (round(((64 << 7) | 16) / 16383, 4), round(((32 << 7) | 127) / 16383, 4))
    assert len(places(moves)) == 2


def test_a_missing_low_half_is_not_waited_for_longer_than_agreed() -> None:
    """The high half alone moves, when the time for the other one is over."""
    mapping = Mapping(Controller(bindings=(X14,)))
    fed(mapping, "B0 10 10 B0 30 10")
    mapping.due(5.0)
    assert fed(mapping, "B0 10 7F", begin_s=10.0) == []
    assert mapping.due_s == 10.0 + JOIN_S
    (move,) = mapping.due(10.0 + JOIN_S)
    assert isinstance(move, Move)
    assert move.x == pytest.approx(((127 << 7) | 16) / 16383)


@pytest.mark.parametrize(
    ("control", "data", "share"),
    [
        ("cc 74", "B0 4A 7F", 1.0),
        ("cc 74 ch 3", "B2 4A 40", 64 / 127),
        ("bend", "E0 00 40", 0.5),
        ("pressure", "D0 7F", 1.0),
        ("poly 60", "A0 3C 00", 0.0),
        ("poly", "A0 3D 7F", 1.0),
        ("nrpn 300", "B0 63 02 B0 62 2C B0 06 7F B0 26 7F", 1.0),
    ],
)
def test_anything_that_has_a_value_drives_an_axis(control: str, data: str, share: float) -> None:
    """And turned round it drives it the other way."""
    for target, other in (("x", 0.5), ("y", 0.5)):
        moves = places(heard(data, bind(control, target)))
        assert moves[-1] == ((round(share, 4), other) if target == "x" else (other, round(share, 4)))
    assert places(heard(data, bind(control, "x", invert=True)))[-1] == (round(1.0 - share, 4), 0.5)


def test_another_channel_or_controller_is_not_meant() -> None:
    """A binding of channel 3 hears channel 3."""
    assert heard("B0 4A 7F B2 4B 7F D2 7F", bind("cc 74 ch 3", "x")) == []


@pytest.mark.parametrize(
    ("encoding", "up", "down", "none"),
    [
        ("twos complement", {1: 1, 2: 2, 63: 63}, {127: -1, 126: -2, 64: -64}, [0]),
        ("binary offset", {65: 1, 66: 2, 127: 63}, {63: -1, 62: -2, 0: -64}, [64]),
        ("sign bit", {1: 1, 2: 2, 63: 63}, {65: -1, 66: -2, 127: -63}, [0, 64]),
        ("sign bit 2", {65: 1, 66: 2, 127: 63}, {1: -1, 2: -2, 63: -63}, [0, 64]),
    ],
)
def test_endless_knobs_tell_steps_in_four_ways(
    encoding: str, up: dict[int, int], down: dict[int, int], none: list[int]
) -> None:
    """As in the tables of their makers."""
    assert encoding in RELATIVE
    assert {value: steps_of(value, encoding) for value in (*up, *down)} == up | down
    assert [steps_of(value, encoding) for value in none] == [0] * len(none)


def test_an_endless_knob_moves_from_where_the_cursor_is() -> None:
    """Step by step, to the edge and no further, and back from there at once."""
    knob = bind("cc 20", "x", relative="twos complement", step=0.25)
    moves = places(heard("B0 14 01 B0 14 01 B0 14 01 B0 14 7F", knob, gap_s=1.0))
    assert [x for x, _ in moves] == [0.75, 1.0, 1.0, 0.75]


def takeover(kind: str, values: Sequence[int]) -> list[float | None]:
    """Where X goes when another hand has put the cursor on .5 and a knob that stood at 10 is turned."""
    mapping = Mapping(Controller(bindings=(bind("cc 20", "x", takeover=kind),)))
    mapping.hear(mido.Message("control_change", control=20, value=10), 0.0)
    mapping.due(0.5)
    mapping.moved(0, 0.5, 0.5)
    found: list[float | None] = []
    for number, value in enumerate(values, 1):
        mapping.hear(mido.Message("control_change", control=20, value=value), float(number))
        moves = [action for action in mapping.due(number + 0.5) if isinstance(action, Move)]
        found.append(moves[-1].x if moves else None)
    return found


def test_a_knob_takes_the_cursor_over() -> None:
    """At once, when it passes it, or so that both arrive together at the end."""
    assert takeover("jump", [11]) == [pytest.approx(11 / 127)]
    assert takeover("pickup", [20, 50, 70, 71]) == [
        None,
        None,
        pytest.approx(70 / 127),
        pytest.approx(71 / 127),
    ]
    *_, near_end, end = scaled = takeover("scaled", [40, 50, 90, 126, 127])
    assert all(value is not None for value in scaled)
    assert scaled == sorted(scaled)  # type: ignore[type-var]
    assert end == pytest.approx(1.0)
    assert near_end is not None and near_end < 1.0


@given(kind=st.sampled_from(TAKEOVERS), values=st.lists(st.integers(0, 127), min_size=1, max_size=40))
def test_a_taken_over_axis_stays_on_the_map(kind: str, values: list[int]) -> None:
    """Whatever is turned, and it arrives when the knob has been to both ends."""
    assert all(value is None or -1e-9 <= value <= 1 + 1e-9 for value in takeover(kind, values))
    assert takeover(kind, [*values, 127, 0])[-1] == pytest.approx(0.0, abs=1e-6)


def test_touching_plays_anew_and_lifting_lets_go() -> None:
    """CC 92 of Kaoss pads."""
    touch = bind("cc 92", "touch")
    assert heard("B0 5C 7F B0 5C 00", touch) == [Move(0.5, 0.5), Lift()]
    assert heard("B0 5C 00", touch) == [Lift()]


def test_a_touch_that_is_a_key_lifts_with_it() -> None:
    """Some pads send a note for the finger."""
    assert heard("90 10 7F 90 10 00", bind("note 16", "touch"), gap_s=0.01) == [Move(0.5, 0.5), Lift()]


def test_another_knob_of_the_axis_is_taken_over_anew() -> None:
    """Of two knobs that drive X the second must pass where the first has put it."""
    first, second = bind("cc 20", "x"), bind("cc 21", "x", takeover="pickup")
    mapping = Mapping(Controller(bindings=(first, second)))

    def x_after(number: int, value: int, at_s: float) -> list[float]:
        mapping.hear(mido.Message("control_change", control=number, value=value), at_s)
        return [round(a.x * 127) for a in mapping.due(at_s + 0.5) if isinstance(a, Move)]

    assert x_after(21, 64, 0.0) == [64]
    assert x_after(20, 100, 1.0) == [100]
    assert x_after(21, 70, 2.0) == []
    assert x_after(21, 101, 3.0) == [101]


def test_a_button_that_stops_works_as_it_goes_down_only() -> None:
    """But all notes off has no way up, and comes as 0."""
    assert heard("B0 2A 7F B0 2A 00", bind("cc 42", "stop")) == [StopAll()]
    assert heard("B0 7B 00", bind("cc 123", "stop")) == [StopAll()]


def test_what_a_controller_binds_to_nothing_does_what_it_does_on_any() -> None:
    """Unless it says otherwise."""
    own = bind("cc 12", "random")
    assert heard("B0 0D 7F", own, defaults=True) == [Move(0.5, 1.0)]
    assert heard("B0 0C 7F", own, defaults=True) == [Command("random")]
    assert heard("B0 0D 7F", own) == []


def test_a_mapping_that_is_edited_leaves_cursors_and_fingers_where_they_are() -> None:
    """And ends keys that are down."""
    before = Mapping(Controller(bindings=DEFAULT.bindings), "knobs")
    fed(before, MPE_ON + "B0 0C 00 B0 0D 00 90 3C 7F 92 60 40", gap_s=0.01)
    after = Mapping(Controller(bindings=(bind("cc 20", "y"),)), "knobs")
    after.go_on_from(before)
    assert places(fed(after, "B0 14 7F", begin_s=5.0) + after.due(6.0)) == [(0.0, 1.0)]
    assert fed(after, "80 3C 00 82 60 00") == [
        Release(Key("knobs", 1, 60)),
        Release(Key("knobs", 3, 96)),
        Lift(3),
    ]


@pytest.mark.parametrize(
    ("data", "n"),
    [("B0 14 7F", 1), ("B0 14 7F B0 14 00 B0 14 7F", 2), ("B0 14 40 B0 14 50 B0 14 7F", 1), ("B0 14 00", 0)],
)
def test_a_button_works_as_it_goes_down(data: str, n: int) -> None:
    """Once a press, however many values a press sends."""
    assert heard(data, bind("cc 20", "random")) == [Command("random")] * n


@pytest.mark.parametrize(
    ("target", "argument"),
    [("random", ""), ("favourite", ""), ("relayout", ""), ("clear", ""), ("kind", "kick"),
     ("audition", "hold"), ("quantise", "16th"), ("view", "even")],
)  # fmt: skip
def test_every_command_has_its_button(target: str, argument: str) -> None:
    """By controller, note or program."""
    for control, data in (("cc 20", "B0 14 7F"), ("note 40", "90 28 01"), ("program 3", "C0 03")):
        assert heard(data, bind(control, target, argument, cursor=2)) == [Command(target, argument, 2)]


def test_notes_play_where_the_cursor_is_and_say_which_key_ended() -> None:
    """With the velocity of the key."""
    key = Key("knobs", 1, 60)
    assert heard("90 3C 7F 80 3C 40", bind("note", "trigger")) == [
        Trigger(0.5, 0.5, 1.0, 0, key),
        Release(key),
    ]


def test_the_default_stops_everything_on_all_notes_off() -> None:
    """However often it is sent."""
    mapping = Mapping(DEFAULT)
    assert fed(mapping, "B0 7B 00 B0 7B 00 B0 78 00") == [StopAll()] * 3


@pytest.mark.parametrize(
    ("note", "pad"), [(35, None), (36, (0, 0)), (39, (3, 0)), (40, (0, 1)), (51, (3, 3)), (52, None)]
)
def test_pads_are_a_grid_from_the_lower_left(note: int, pad: tuple[int, int] | None) -> None:
    """As on an MPC; what is beside them goes to the bindings."""
    pads, key = Pads(36), Key("knobs", 1, note)
    actions = heard(f"90 {note:02X} 7F", bind("note", "trigger"), pads=(pads,))
    if pad is None:
        assert actions == [Trigger(0.5, 0.5, 1.0, 0, key)]
    else:
        assert actions == [Hit(1.0, key, pads, *pad)]


def test_pads_may_leave_notes_out_between_rows() -> None:
    """A Launchpad in programmer mode: 11 to 18, then 21 to 28."""
    launchpad = Pads(11, 8, 8, stride=10)
    hits = heard("90 0B 7F 90 12 7F 90 13 7F 90 15 7F 90 58 7F", pads=(launchpad,))
    assert [(hit.column, hit.row) for hit in hits if isinstance(hit, Hit)] == [(0, 0), (7, 0), (0, 1), (7, 7)]


def test_pinned_keys_keep_their_sounds_in_banks() -> None:
    """A program change takes another bank; pins come before pads, which have what the bank has not."""
    pins = {0: {36: "kick"}, 5: {36: "snare"}}
    hits = heard("90 24 7F C0 05 90 24 40 C0 06 90 24 7F", pads=(Pads(36),), pins=pins)
    assert [(hit.uid, hit.pads is not None) for hit in hits if isinstance(hit, Hit)] == [
        ("kick", False),
        ("snare", False),
        ("", True),
    ]


MPE_ON = "B0 65 00 B0 64 06 B0 06 0F "


@pytest.mark.parametrize(("declared", "mpe"), [(MPE_ON, False), ("", True)])
def test_each_finger_is_a_cursor(declared: str, mpe: bool) -> None:
    """Two notes on their channels, one glides: the other stays where it is; lifting ends its own only."""
    data = declared + "B1 4A 00 91 24 7F B2 4A 7F 92 60 40 E1 00 50 81 24 00"
    trigger_low, trigger_high, move, release, lift = heard(data, *DEFAULT.bindings, mpe=mpe, gap_s=0.02)
    assert trigger_low == Trigger(0.0, 0.0, 1.0, 2, Key("knobs", 2, 36))
    assert trigger_high == Trigger(1.0, 1.0, 64 / 127, 3, Key("knobs", 3, 96))
    assert isinstance(move, Move)
    assert (move.cursor, round(move.x, 2), move.y) == (2, 0.2, 0.0)
    assert (release, lift) == (Release(Key("knobs", 2, 36)), Lift(2))


def bend_range(channel: int, semitones: int) -> str:
    status = f"B{channel - 1:X}"
    return f"{status} 65 00 {status} 64 00 {status} 06 {semitones:02X} "


@pytest.mark.parametrize(
    ("said", "semitones"),
    [
        ("", 48),
        (bend_range(2, 24), 24),
        (bend_range(3, 12), 12),
        (bend_range(1, 2), 48),
        (bend_range(15, 12), 48),
        (bend_range(2, 0), 48),
        (bend_range(2, 127), 96),
        (bend_range(2, 24) + MPE_ON, 48),
    ],
)
def test_a_bend_goes_as_far_as_the_zone_says(said: str, semitones: int) -> None:
    """On any of its channels but its own; a zone that is declared anew has the common range."""
    zones = declared(1, 6) + declared(16, 4)
    *_, move = heard(zones + said + "91 24 7F E1 00 50", gap_s=0.02)  # a quarter of the way up
    assert isinstance(move, Move)
    assert move.x == pytest.approx(0.25 * semitones / 60.0, abs=0.001)


def test_without_a_zone_channels_are_only_channels() -> None:
    """A keyboard on channel 2 plays as any other; the zone's own channel moves as before."""
    assert heard("91 24 7F", *DEFAULT.bindings) == [Trigger(0.5, 0.5, 1.0, 0, Key("knobs", 2, 36))]
    actions = heard(MPE_ON + "B0 0C 7F B0 0D 00", *DEFAULT.bindings)
    assert places(actions) == [(1.0, 0.0)]
    assert heard(MPE_ON + "B0 65 00 B0 64 06 B0 06 00 91 24 7F", *DEFAULT.bindings)[-1] == Trigger(
        0.5, 0.5, 1.0, 0, Key("knobs", 2, 36)
    )


EVERYTHING = (
    *DEFAULT.bindings,
    X14,
    Y14,
    bind("nrpn 5", "x", cursor=3),
    bind("cc 21", "y", relative="sign bit", cursor=3),
    bind("pressure", "y", takeover="scaled"),
    bind("poly", "x", takeover="pickup"),
    bind("program", "random"),
    bind("cc 64", "kind", "kick"),
)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_break_it_and_no_key_is_left_held(data: bytes, mpe: bool) -> None:
    """Whatever comes down the cable: places on the map, velocities above 0, an end for each key that ends."""
    pins = {0: {40: "a"}, 7: {40: "b"}}
    mapping = Mapping(Controller(bindings=EVERYTHING, pads=(Pads(36),), pins=pins, mpe=mpe), "p")
    parser = mido.Parser()
    parser.feed(data)
    actions: list[Action] = []
    for number, message in enumerate(parser):
        actions += mapping.hear(message, number * 0.0015)
    for channel in range(16):
        for note in range(128):
            actions += mapping.hear(mido.Message("note_off", channel=channel, note=note), 900.0)
    actions += mapping.due(LATER_S)
    assert mapping.due_s is None
    held: set[Key] = set()
    for action in actions:
        if isinstance(action, Move | Trigger):
            assert 0.0 <= action.x <= 1.0
            assert 0.0 <= action.y <= 1.0
        if isinstance(action, Trigger | Hit):
            assert 0.0 < action.velocity <= 1.0
            if action.key is not None:
                held.add(action.key)
        if isinstance(action, Release):
            held.discard(action.key)
    assert held == set()


WRONG_MESSAGES = st.builds(
    dict,
    type=st.sampled_from(["control_change", "note_on", "pitchwheel", "x", None, 7]),
    channel=st.one_of(st.none(), st.integers(-5, 40), st.text(max_size=2)),
    control=st.one_of(st.none(), st.integers(-200, 900)),
    value=st.one_of(st.none(), st.floats(), st.integers()),
)


@given(st.lists(WRONG_MESSAGES, max_size=20))
def test_objects_that_are_no_messages_mean_nothing(fields: list[dict[str, object]]) -> None:
    """Attributes missing, of other types, or out of range."""
    mapping = Mapping(DEFAULT)
    for each in fields:
        message = type("Message", (), each)()
        for action in mapping.hear(message, 1.0):
            assert isinstance(action, Move | Lift | StopAll)


def test_a_button_on_a_key_works_each_time_it_is_pressed() -> None:
    """Its way up is the end of the note."""
    assert heard("90 28 7F 80 28 00 90 28 7F", bind("note 40", "random")) == [Command("random")] * 2


def test_pads_of_a_channel_are_no_other_channels() -> None:
    """The keys of another channel go to the bindings."""
    pads = Pads(36, channel=10)
    hit, trigger = heard("99 24 7F 90 24 7F", bind("note", "trigger"), pads=(pads,))
    assert isinstance(hit, Hit)
    assert isinstance(trigger, Trigger)


def test_what_waits_is_told_before_what_comes_after_it() -> None:
    """A lone X before a button; a trigger goes to its place itself."""
    knobs = (bind("cc 12", "x"), bind("cc 20", "random"), bind("note", "trigger"))
    assert heard("B0 0C 7F B0 14 7F", *knobs) == [Move(1.0, 0.5), Command("random")]
    (trigger,) = heard("B0 0C 7F 90 3C 7F", *knobs)
    assert isinstance(trigger, Trigger)
    assert trigger.x == 1.0


def test_a_knob_is_taken_over_only_where_something_else_has_moved_the_cursor() -> None:
    """Else it is where the cursor is, and moves it at once."""
    mapping = Mapping(Controller(bindings=(bind("cc 20", "x", takeover="pickup"),)))
    mapping.hear(mido.Message("control_change", control=20, value=64), 0.0)
    assert places(mapping.due(1.0)) == [(round(64 / 127, 4), 0.5)]
    mapping.hear(mido.Message("control_change", control=20, value=90), 2.0)
    assert places(mapping.due(3.0)) == [(round(90 / 127, 4), 0.5)]
    mapping.moved(0, 0.1, 0.5)
    mapping.hear(mido.Message("control_change", control=20, value=80), 4.0)
    assert mapping.due(5.0) == []


def test_scaled_knobs_meet_the_cursor_at_the_lower_end_too() -> None:
    """Turned down from above it, in proportion to what is left of both."""
    mapping = Mapping(Controller(bindings=(bind("cc 20", "x", takeover="scaled"),)))
    mapping.hear(mido.Message("control_change", control=20, value=100), 0.0)
    mapping.due(0.5)
    mapping.moved(0, 0.4, 0.5)
    mapping.hear(mido.Message("control_change", control=20, value=75), 1.0)
    assert places(mapping.due(1.5)) == [(0.3, 0.5)]
    mapping.hear(mido.Message("control_change", control=20, value=0), 2.0)
    assert places(mapping.due(2.5)) == [(0.0, 0.5)]


def declared(channel: int, n: int) -> str:
    status = f"B{channel - 1:X}"
    return f"{status} 65 00 {status} 64 06 {status} 06 {n:02X} "


@pytest.mark.parametrize(
    ("zones", "fingers"),
    [
        (declared(1, 3), {2, 3, 4}),
        (declared(16, 3), {13, 14, 15}),
        (declared(1, 5) + declared(16, 4), {2, 3, 4, 5, 6, 12, 13, 14, 15}),
        (declared(1, 10) + declared(16, 10), {2, 3, 4, 5, *range(6, 16)}),
        (declared(16, 10) + declared(1, 10), {*range(2, 12), *range(12, 16)}),
        (declared(1, 3) + declared(1, 0), set()),
        (declared(1, 15), {*range(2, 17)}),
    ],
)
def test_zones_are_where_they_were_declared(zones: str, fingers: set[int]) -> None:
    """The last one declared takes what it needs from the other."""
    found = set()
    for channel in range(1, 17):
        actions = heard(zones + f"9{channel - 1:X} 3C 7F", bind("note", "trigger"))
        found |= {action.cursor for action in actions if isinstance(action, Trigger)} - {0}
    assert found == fingers


def test_fingers_glide_up_and_down_by_slide_alone() -> None:
    """CC 74 of their own channel."""
    moves = heard("B1 4A 00 91 3C 7F B1 4A 7F", gap_s=0.02, mpe=True)
    assert [(move.cursor, move.y) for move in moves if isinstance(move, Move)] == [(2, 1.0)]


@pytest.mark.parametrize("kind", ["pickup", "scaled"])
def test_a_knob_that_is_heard_for_the_first_time_moves_nothing_from_afar(kind: str) -> None:
    """Where it was isn't known: only near the cursor it is taken over at once."""
    for value, is_near in ((20, False), (64, True), (110, False)):
        moves = heard(f"B0 14 {value:02X}", bind("cc 20", "x", takeover=kind))
        assert places(moves) == ([(round(64 / 127, 4), 0.5)] if is_near else [])


def test_an_edited_mapping_keeps_the_bank_and_the_halves() -> None:
    """Values that are half told, and what a program change has chosen."""
    pins = {3: {40: "a"}}
    before = Mapping(Controller(pins=pins, bindings=(X14,)), "p")
    fed(before, "C0 03 B0 10 40")
    after = Mapping(Controller(pins=pins, bindings=(X14, Y14)), "p")
    after.go_on_from(before)
    assert after.program == 3
    (hit,) = fed(after, "90 28 7F", begin_s=1.0)[-1:]
    assert hit == Hit(1.0, Key("p", 1, 40), uid="a")
    fed(after, "B0 30 01", begin_s=2.0)
    assert places(after.due(LATER_S))[-1][0] == round(((64 << 7) | 1) / 16383, 4)


def test_the_end_of_another_note_lifts_no_finger() -> None:
    """Of a channel whose finger has struck a second key meanwhile: it is still down, and glides."""
    mapping = Mapping(Controller(mpe=True), "p")
    fed(mapping, "91 3C 7F 91 40 7F 81 3C 00", gap_s=0.02)
    fed(mapping, "E1 00 50", begin_s=1.0)
    assert any(isinstance(action, Move) for action in mapping.due(LATER_S))


def test_a_finger_does_not_wait_for_its_height() -> None:
    """Bend and slide come apart; each alone moves after the wait, and the two halves of a place at once."""
    mapping = Mapping(Controller(mpe=True), "p")
    fed(mapping, "91 3C 7F", begin_s=0.0)
    assert fed(mapping, "E1 00 50", begin_s=1.0) == []
    assert mapping.due_s == pytest.approx(1.0 + JOIN_S)
