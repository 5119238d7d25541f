"""Kinds by name: what producers call their files."""

import csv
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klustr_bridge.sound.kind_words import ABBREVIATIONS, AT_LAST, PHRASES, WORDS
from klustr_bridge.sound.kinds import KIND_CODES, KINDS, kind_from_path, kind_of_path

NAMES = {
    "kick": "Kick|kick01|KICK_Hard|BD|BD_TR-808|TR808BD|bd 3|Bass Drum|drum_bass_hard|DeepKick7"
    "|808 Kick|sub kick|Grosse Caisse 2|große Trommel|Bombo_12|grancassa|trapkick|35 Acoustic Bass Drum"
    "|My Best Kick (2)",
    "snare": "Snare|snare03|SD1|SD 909|sn_dub|SnareDrum|Caisse claire|Rullante 4|caixa|snare_noise|Brush 2",
    "rim": "RimShot|rimshot 808|rim shot 1|Side Stick|sidestick|RS|snare rim 2|cross_stick|univox-rs",
    "clap": "Clap|claps2|CP3|HandClap|hand clap|808clap|Palmas",
    "closed_hat": "Closed Hat|hihat_closed|HiHatClosed|CH|CHH 2|hh01|HH|hat|Hi-Hat|hhclosed-1|pedal hat"
    "|HatClosed3|drum_cymbal_closed|hi-hat cerrado|HiHat geschlossen|chihat",
    "open_hat": "Open Hat 3|hat open|OHH2|OH|hh_open2|hhopen|HH_O|hi hat open|OpenHat|Charleston ouvert"
    "|Platillo abierto|Hihat offen|drum_cymbal_open",
    "ride": "Ride|RD2|Ride Cymbal|RideBell|ride_crash",
    "crash": "Crash|CY|cymbal 2|Crash Cymbal|Splash_1|China|Becken 3|Piatto",
    "tom": "Tom|LT|MT1|HT 3|lowtom|Floor Tom|hitom|TomTom|tom-hh|Rack Tom 2|synth tom",
    "conga": "Conga|conga-hh|bongo hi|LC 2|Open High Conga",
    "cowbell": "Cowbell|CB|CowBell|cow bell|Kuhglocke|Cencerro",
    "shaker": "Shaker|Maracas|MA|cabasa|ShakerLoud",
    "tambourine": "Tambourine|tamb_3|Pandereta|Schellenkranz",
    "perc": "Perc 3|Claves|woodblock|Wood Block|tabla|Finger Snap|snap_2|Triangle|CL",
    "bass": "Bass C#2|sub_2|Reese|808s|808 01|808_C|Bajo|BassLine|bass_string4",
    "synth": "Synth Lead|pad 3|Drum & Bass pad|chord stab|Pluck_A",
    "vocal": "Vocal 1|Female Vox 12|vox_chop|Stimme|malevoice_aa_C3|Choir",
    "fx": "FX 3|Riser|noise sweep|sfx_laser|whoosh|Geräusch|Effet 2",
    "loop": "Kick Loop 120|120bpm|FX_Riser_128bpm|drumloop|loop_amen|Break Beat|Groove 90 BPM|bpm140 drums",
    "unknown": "tombola|hatch|Great snapshots|SnapShot_03|thatcher|brimstone|abridged|Custom|Atom|Crescendo"
    "|shipment|TR-808 01|CR-78|SH-101|MC-303|001|a|Kickstarter|Bassoon|looping|subway|padlock|overtime",
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names.split("|")]
)
def test_names_tell_kinds(kind: str, name: str) -> None:
    """Names in six languages, abbreviations, glued numbers and words tell the kind; look-alikes don't."""
    assert kind_from_path(os.fsencode(f"{name}.wav")) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Kicks/Snare 01.wav", "snare"),
        ("Snares/Kicks/01.wav", "kick"),
        ("Kicks/01/a.wav", "kick"),
        ("Hats/Open/01.wav", "open_hat"),
        ("Hihats - Open/Crisp Hihat 6.wav", "open_hat"),
        ("Hats/Open/Closed Hat.wav", "closed_hat"),
        ("Caisse claire/CC 12.wav", "snare"),
        ("Percussion/MA 1.wav", "shaker"),
        ("Kicks/Clap Kick Layer.wav", "kick"),
        ("Cymbals/Ride/Cymbal 3.wav", "ride"),
        ("Shakers/perc 3.wav", "shaker"),
        ("Percussion/Bottle.wav", "perc"),
        ("FX/Bottle.wav", "fx"),
        ("Kicks/Thunder.wav", "kick"),
        ("Thunder.wav", "fx"),
        ("Drum Hits/01.wav", "unknown"),
        ("Metal Kit/01.wav", "unknown"),
        ("Ambient/01.wav", "unknown"),
        ("Weather Report/01.wav", "unknown"),
        ("Doors/01.wav", "fx"),
        ("Metal Hit.wav", "perc"),
        ("Roland TR-808/HC00.wav", "conga"),
        ("The 909/HC_1.wav", "clap"),
        ("TR-909/BT0A0A7.WAV", "kick"),
        ("Casio MT-68/01.wav", "unknown"),
        ("SD 3 Rap.wav", "snare"),
        ("Reverse Cymbal.wav", "fx"),
        ("dblkick.wav", "kick"),
        ("Kickers/01.wav", "unknown"),
        ("Open Hats/01.wav", "open_hat"),
        ("BD/01.wav", "kick"),
        ("BD Collection of Berlin/01.wav", "unknown"),
        ("TR-808/RimShot.wav", "rim"),
        ("TR-808/01.wav", "unknown"),
        ("808s/01.wav", "bass"),
        ("Kicks/808 01.wav", "kick"),
        ("Drum and Bass/01.wav", "unknown"),
        ("140bpm/Kick.wav", "kick"),
        ("140bpm/a.wav", "unknown"),
        ("Loops/a.wav", "loop"),
    ],
)
def test_the_nearest_name_wins(path: str, kind: str) -> None:
    """The file's own name wins over its folders, a near folder over a far one."""
    assert kind_from_path(os.fsencode(f"/samples/{path}"), b"/samples") == kind


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("Snares/Kick 01.wav", ("kick", "file")),
        ("Snares/01.wav", ("snare", "folder")),
        ("Open Hats/Hat 1.wav", ("open_hat", "folder")),
        ("Snares/Thunder.wav", ("snare", "folder")),
        ("Thunder.wav", ("fx", "file")),
        ("808 01.wav", ("bass", "file")),
        ("TR808 HC.wav", ("conga", "file")),
        ("TR808/HC.wav", ("conga", "folder")),
        ("Weather/01.wav", ("unknown", "")),
    ],
)
def test_it_says_whose_name_told(path: str, told: tuple[str, str]) -> None:
    """The kind comes with its source: the file's name, a folder's, or none."""
    assert kind_of_path(os.fsencode(f"/samples/{path}"), b"/samples") == told


@pytest.mark.parametrize(
    ("names", "floor"), [("unseen", 0.95), ("second", 0.94), ("third", 0.96), ("fourth", 0.93)]
)
def test_names_as_producers_have_them_tell_their_kinds(names: str, floor: float) -> None:
    """Paths after the conventions of sample packs and drum machines; the floors are what was reached."""
    with (Path(__file__).parent / f"names_{names}.tsv").open(newline="", encoding="utf-8") as file:
        listed = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = [row for row in listed if kind_from_path(os.fsencode(f"/x/{row[0]}"), b"/x") != row[1]]
    assert len(listed) >= 100 and 1 - len(wrong) / len(listed) >= floor, wrong


@pytest.mark.parametrize(
    "name",
    ["03bd1f3f9418", "04cb038bf899", "1720cc7b94ad", "a3bd90", "2cb4", "0cc1-7f2e", "03BD1F3F9418"],
)
def test_letters_within_codes_are_no_abbreviations(name: str) -> None:
    """Files named by hashes or numbers say nothing, whatever letters stand in them."""
    assert kind_of_path(f"/pack/{name}.wav".encode(), b"/pack") == ("unknown", "")


@pytest.mark.parametrize("name", ["BD01", "01bd", "808BD01", "BD0A", "BD_0cc1", "bd 04cb038bf899"])
def test_abbreviations_beside_numbers_count(name: str) -> None:
    """Drum letters with numbers of takes, machines and knobs, or beside a code, tell their kind."""
    assert kind_of_path(f"/pack/{name}.wav".encode(), b"/pack") == ("kick", "file")


def test_folders_above_the_watched_one_do_not_count() -> None:
    """The watched folder's own name counts, its parents' don't."""
    assert kind_from_path(b"/home/kick/Samples/a.wav", b"/home/kick/Samples") == "unknown"
    assert kind_from_path(b"/home/x/Kicks/a.wav", b"/home/x/Kicks") == "kick"
    assert kind_from_path(b"/home/x/Kicks/a.wav", b"/home/x/Kicks/") == "kick"
    assert kind_from_path(b"/snares/a.wav", b"/") == "snare"


def test_every_word_means_a_kind() -> None:
    """The vocabulary names existing kinds only, in lower case; codes are the order of kinds."""
    for table in (WORDS, ABBREVIATIONS, AT_LAST):
        assert set(table.values()) <= set(KINDS)
        assert all(word == word.lower() and word.isascii() and word.strip() for word in table)
    assert set(PHRASES.values()) <= {*KINDS, ""}
    assert [KIND_CODES[kind] for kind in KINDS] == list(range(20))


def test_a_long_name_of_glued_words_is_read_at_once() -> None:
    """The longest name that a file can have, with two ways to read each of its words."""
    name = b"hihat" * 50 + b"q.wav"
    begun = time.process_time()
    assert kind_from_path(name) in KINDS
    assert time.process_time() - begun < 0.5


@given(st.binary(max_size=200))
def test_any_bytes_are_a_name(path: bytes) -> None:
    """Names of any bytes have a kind."""
    assert kind_from_path(path) in KINDS
    assert kind_from_path(b"/a/" + path, b"/a") in KINDS
