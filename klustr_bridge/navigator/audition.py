"""Audition: what moving and triggering let be heard, and when.

This module owns the rhythm of a cursor (gap, border, hold) and of the session (quantising), and the calls of
the player. Time comes from the timer it is given. It must not search: what is nearest the navigator says.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from klustr_bridge.errors import QueryError
from klustr_bridge.navigator.ports import Beats, Handle, Player, Timer
from klustr_bridge.navigator.requests import AuditionSettings, request_of, shift_to
from klustr_bridge.navigator.results import Event, Neighbour, Play
from klustr_bridge.navigator.state import STEPS, ClientState, Heard
from klustr_bridge.navigator.view import View
from klustr_bridge.navigator.voices import Voices

MARGIN: Final = 0.1
"""To a gliding cursor another sound must be nearer by this share than the one it has played."""

FADE_OUT_S: Final = 0.06
FADE_IN_S: Final = 0.01
"""Where a held sound gives way to the next: that one rises faster, so that its attack stays."""

OnVoice = Callable[[int], None]
Land = Callable[[ClientState, float, float], tuple[View, list[Neighbour]]]


class Audition:
    """Lets sounds be heard for clients.

    Parameters
    ----------
    player : Player or None
        The bridge's own output.
    settings : AuditionSettings
        How to play.
    timer : Timer or None
        For what is heard later; None: everything is heard at once.
    beats : Beats or None
        The session's beat.
    land : callable
        Returns the present view, and what lies nearest to a place for a client, nearest first.

    Attributes
    ----------
    is_taken : callable
        Whether a client sounds what surfaces without clients play.
    on_play : callable
        Told of each sound as it is to be heard.
    n_plays : int
        Sounds that were to be heard, since the start.
    """

    def __init__(
        self,
        player: Player | None,
        settings: AuditionSettings,
        timer: Timer | None,
        beats: Beats | None,
        land: Land,
    ) -> None:
        self.voices = Voices(player)
        self.is_taken: Callable[[], bool] = lambda: False
        self.on_play: Callable[[Play], None] = lambda play: None
        self.n_plays = 0
        self._settings = settings
        self._timer = timer
        self._beats = beats
        self._land = land
        self._due: dict[int, Handle] = {}
        self._waiting: list[Heard] = []
        self._coming: dict[tuple[int, int], int] = {}  # the voice on the next line, by client and cursor

    # What a cursor plays

    def moved(
        self,
        view: View,
        client: ClientState,
        cursor: int,
        place: tuple[float, float],
        nearest: Neighbour,
        *,
        is_new: bool,
    ) -> list[Event]:
        """Sound what a moved cursor has come to, as the client's mode of audition says.

        Parameters
        ----------
        place : tuple of two floats
            Where the cursor is now.
        nearest : Neighbour
            What lies nearest to it.
        is_new : bool
            Whether that is another sound than before.

        Returns
        -------
        list of Play
            Empty also when it is heard later: it is delivered to the client then.
        """
        heard = client.heard.get(cursor)
        repeats = client.audition == "retrigger"
        if client.audition == "off" or (heard is None and not is_new and not repeats):
            return []
        if heard is None:
            heard = client.heard[cursor] = Heard()
        step = math.dist(place, (heard.x, heard.y))
        heard.x, heard.y = place
        if not repeats and (heard.id == nearest.id or _is_border(view, client, heard, nearest, step)):
            return []
        return self._after_gap(view, client, cursor, heard, nearest.id)

    def chose(
        self,
        view: View,
        client: ClientState,
        cursor: int,
        sound_id: int,
        velocity: float = 1.0,
        on_voice: OnVoice | None = None,
    ) -> list[Event]:
        """Sound what a cursor was set on, at once whatever it has just played; see `play`."""
        heard = client.heard.setdefault(cursor, Heard())
        heard.x, heard.y = view.place(view.row(sound_id), client.view)
        self._stop_waiting(heard)
        return self._sound(view, client, cursor, sound_id, velocity, on_voice)

    def leave(self, client: ClientState, cursor: int | None = None) -> None:
        """Forget what a cursor, or every one, has played, and end what it holds.

        A sound that a tap has put on the next line is heard though the finger has gone; with every cursor it
        is taken back.
        """
        if cursor is None:
            for number, each in list(self._coming):
                if number == client.number:
                    self._take_back(client, each)
        for each in list(client.heard) if cursor is None else [cursor]:
            if (heard := client.heard.pop(each, None)) is not None:
                self._stop_waiting(heard)
                self._let_go(heard)

    def _after_gap(
        self, view: View, client: ClientState, cursor: int, heard: Heard, sound_id: int
    ) -> list[Event]:
        """Play a sound now, or what is nearest when the gap since the last one is over."""
        if heard.waiting is not None:
            return []
        timer = self._timer
        if timer is not None and client.deliver is not None:
            wait_s = heard.played_s + self._settings.gap_s - timer.now_s()
            if wait_s > 0.0:
                heard.waiting = timer.call_later(wait_s, lambda: self._catch_up(client, cursor, heard))
                self._waiting.append(heard)
                return []
        return self._sound(view, client, cursor, sound_id)

    def _catch_up(self, client: ClientState, cursor: int, heard: Heard) -> None:
        """Play what a cursor has come to while it was not to play."""
        self._stop_waiting(heard)
        if client.heard.get(cursor) is not heard or client.deliver is None:
            return
        try:
            view, found = self._land(client, heard.x, heard.y)
        except QueryError:  # the map has gone meanwhile
            return
        if found and (client.audition == "retrigger" or found[0].id != heard.id):
            client.deliver(self._sound(view, client, cursor, found[0].id))

    def _sound(
        self,
        view: View,
        client: ClientState,
        cursor: int,
        sound_id: int,
        velocity: float = 1.0,
        on_voice: OnVoice | None = None,
    ) -> list[Event]:
        """Play the sound that a cursor has come to; it takes the place of the one that the cursor holds."""
        heard = client.heard[cursor]
        if self._timer is not None:
            heard.played_s = self._timer.now_s()
        now_s = 0.0 if self._timer is None else self._timer.now_s()
        fade_in_s = 0.0 if heard.held is None or now_s >= heard.held_until_s else FADE_IN_S
        return self.play(
            view, client, sound_id, velocity, cursor=cursor, fade_in_s=fade_in_s, on_voice=on_voice
        )

    def _let_go(self, heard: Heard) -> None:
        """End what a cursor holds, fading."""
        voice, heard.held = heard.held, None
        if voice is not None:
            self.stop(voice, FADE_OUT_S)

    def _stop_waiting(self, heard: Heard) -> None:
        if heard.waiting is not None:
            heard.waiting.cancel()
            heard.waiting = None
            self._waiting.remove(heard)

    # Playing

    def play(
        self,
        view: View,
        client: ClientState,
        sound_id: int,
        velocity: float,
        *,
        cursor: int | None = None,
        semitones: float = 0.0,
        pan: float = 0.0,
        fade_in_s: float = 0.0,
        on_voice: OnVoice | None = None,
    ) -> list[Event]:
        """Play a sound, on the next line of the session's beat where the client asks for that.

        Of several sounds that one cursor plays on the same line only the last is heard. `on_voice` is told
        the number of the voice at once, also of one that is heard later.

        Returns
        -------
        list of Play
            Empty when it is heard later: it is delivered to the client then.
        """
        self.n_plays += 1
        request, end_s = request_of(view, client, sound_id, velocity, cursor, self._settings)
        due_s, shift = self._in_time(view, client, sound_id)
        request = replace(request, semitones=semitones + shift, pan=pan, fade_in_s=fade_in_s, due_s=due_s)
        heard = None if cursor is None else client.heard.setdefault(cursor, Heard())
        if cursor is not None:
            self._take_back(client, cursor)
        play = self.voices.play(sound_id, request, end_s, internal=self.sounds_here(client))
        if on_voice is not None:
            on_voice(play.voice)
        if heard is not None:
            heard.id = sound_id
        if due_s is None or self._timer is None:
            self._hold(client, heard, play)
            self.on_play(play)
            return [play]
        if cursor is not None:
            self._coming[client.number, cursor] = play.voice
        self._deliver_at(client, heard, play, due_s - self._timer.now_s())
        return []

    def _hold(self, client: ClientState, heard: Heard | None, play: Play) -> None:
        """Let a voice that begins now take the place of the one that its cursor holds."""
        if heard is not None and client.audition == "hold":
            self._let_go(heard)
            now_s = 0.0 if self._timer is None else self._timer.now_s()
            length_s = play.end_s - play.start_s
            heard.held, heard.held_until_s = play.voice, now_s + (length_s if length_s > 0.0 else math.inf)

    def _take_back(self, client: ClientState, cursor: int) -> None:
        """Let what a cursor was to play on the next line not be heard."""
        voice = self._coming.pop((client.number, cursor), None)
        if voice is not None and voice in self._due:
            self.stop(voice)

    def stop(self, voice: int | None, fade_s: float | None = None) -> None:
        """Stop a voice, or all of them; an ended one is no error, one that is due never begins."""
        for each in list(self._due) if voice is None else [voice]:
            if (handle := self._due.pop(each, None)) is not None:
                handle.cancel()
        if voice is None:
            for heard in list(self._waiting):
                self._stop_waiting(heard)
        self.voices.stop(voice, fade_s)

    def prefetch(self, view: View, client: ClientState, sound_ids: list[int]) -> None:
        """Let the player make sounds ready that a client may play next."""
        if self.sounds_here(client):
            self.voices.prefetch(
                [request_of(view, client, each, 1.0, None, self._settings)[0] for each in sound_ids]
            )

    def sounds_here(self, client: ClientState) -> bool:
        """Whether the bridge's own player sounds what this client plays."""
        return client.player_mode != "client" and not (client.is_surface and self.is_taken())

    def tempo_bpm(self) -> float | None:
        """Return the session's tempo, beats per minute; None while nobody gives a beat."""
        if self._beats is None or self._timer is None:
            return None
        return self._beats.tempo_bpm(self._timer.now_s())

    def require_clock(self) -> None:
        """Raise ``notready`` where there is no clock that a beat could come from."""
        if self._beats is None or self._timer is None or not self._beats.listens:
            raise QueryError("notready", "no clock is listened to: set clock.source to midi or link")

    def _in_time(self, view: View, client: ClientState, sound_id: int) -> tuple[float | None, float]:
        """Return when a sound is due by the session's beat (None: now), and a loop's shift in semitones."""
        if client.quantise == "off" or self._beats is None or self._timer is None or client.deliver is None:
            return None, 0.0
        now_s = self._timer.now_s()
        step = STEPS.get(client.quantise, self._settings.beats_a_bar)
        line_s, tempo_bpm = self._beats.line_s(step, now_s), self._beats.tempo_bpm(now_s)
        if line_s is None or tempo_bpm is None:  # the session has stopped, or gone
            return None, 0.0
        shift, row = 0.0, view.entry(sound_id).row
        if row is not None and self._settings.loops_in_time and view.corpus.is_loop(row):
            shift = shift_to(tempo_bpm, view.measure("tempo_bpm", row))
        return line_s, shift

    def _deliver_at(self, client: ClientState, heard: Heard | None, play: Play, wait_s: float) -> None:
        """Tell a client of what it plays at the moment it is to be heard."""
        voice = play.voice

        def deliver() -> None:
            self._due.pop(voice, None)
            self._hold(client, heard, play)
            self.on_play(play)
            if client.deliver is not None:
                client.deliver([play])

        assert self._timer is not None
        self._due[voice] = self._timer.call_later(max(0.0, wait_s), deliver)


def _is_border(view: View, client: ClientState, heard: Heard, nearest: Neighbour, step: float) -> bool:
    """Whether a gliding cursor is hardly nearer to another sound than to the one it has played."""
    row = view.corpus.row_of(heard.id)
    if row is None:
        return False
    distance = math.dist(view.place(row, client.view), (heard.x, heard.y))
    return step < distance and nearest.distance > (1.0 - MARGIN) * distance
