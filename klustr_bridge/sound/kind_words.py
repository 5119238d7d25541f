"""The words that name kinds of sound in file and folder names, in six languages, and what they mean.

Owns the vocabulary alone: lower case, without accents, whole words. It must not hold rules.
"""

__all__ = [
    "ABBREVIATIONS",
    "CLOSED_WORDS",
    "HAT_WORDS",
    "NEUTRAL_WORDS",
    "OPEN_WORDS",
    "PHRASES",
    "WORDS",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _table(**words_of_kind: str) -> dict[str, str]:
    return {word: kind for kind, words in words_of_kind.items() for word in words.split()}


# English first, then German, French, Spanish, Italian, Portuguese.
WORDS: dict[str, str] = _table(
    loop="loop loops looped breakbeat breakbeats drumbreak drumbreaks drumloop drumloops schleife boucle",
    kick="kick kicks kik kiks kck kickdrum bassdrum bombo bumbo grancassa grossecaisse fusstrommel",
    snare="snare snares snr snaredrum brush brushes caisseclaire redoblante tarola rullante caixa caja",
    rim="rim rims rimshot rimshots stick sidestick sidesticks crossstick xstick rimclick aro",
    clap="clap claps handclap handclaps clp klatschen klatscher palmas palmada palmadas",
    ride="ride rides ridebell ridecymbal",
    crash=(
        "crash crashes splash splashes china chinas chinese cymbal cymbals cymball cym cymb cymbs "
        "crashcymbal becken cymbale cymbales platillo platillos piatto piatti prato pratos"
    ),
    tom="tom toms tomtom tomtoms floortom racktom",
    conga="conga congas bongo bongos bongoes tumba tumbadora",
    cowbell="cowbell cowbells kuhglocke cencerro",
    shaker=(
        "shaker shakers shkr shk maraca maracas cabasa cabassa caxixi ganza eggshaker rassel "
        "chocalho sonajero"
    ),
    tambourine=(
        "tambourine tambourines tamborine tambourin tamburin tamb tambs pandereta pandeiro pandeireta "
        "tamburello schellenkranz schellenring riq"
    ),
    perc=(
        "perc percs percussion percussions percussive prc clave claves woodblock woodblocks templeblock "
        "block triangle triangles guiro vibraslap cuica agogo timbale timbales tabla tablas djembe cajon "
        "darbuka darabuka doumbek castanet castanets surdo repinique tamborim gong bell bells jinglebell "
        "belltree kalimba udu taiko timpani sticks metronome click clicks snap snaps fingersnap whistle "
        "bodhran dhol handdrum slap schlagwerk perkussion holzblock triangel glocke percusion percussione "
        "percussioni percussao triangulo triangolo chasquido"
    ),
    bass="bass basses bassline basslines sub subs subbass reese doublebass 808s basse bajo bajos basso baixo",
    vocal=(
        "vocal vocals vox voice voices vocoder acapella acappella choir sing singing singer sung speech "
        "spoken shout shouts scream chant chants humming laugh laughter rap adlib adlibs beatbox stimme "
        "stimmen gesang chor voix choeur voz voces coro voce voci vozes vocais"
    ),
    synth=(
        "synth synths syn synthesizer pad pads lead leads pluck plucks arp arps arpeggio chord chords stab "
        "stabs keys saw square supersaw drone theremin synthe synthese sintetizador sintetizzatore "
        "akkord accord acorde accordo"
    ),
    fx=(
        "fx sfx effect effects riser risers uplifter downlifter impact impacts noise noises glitch glitches "
        "zap zaps laser lasers whoosh woosh swoosh swish sweep sweeps scratch scratches backspin rewind "
        "foley ambience ambiance atmos atmosphere texture textures explosion siren alarm applause robot "
        "beep blip transition effekt effekte gerausch gerausche rauschen bruit bruits bruitage effet effets "
        "efecto efectos ruido effetto effetti rumore efeito efeitos"
    ),
)
"""Words that say a kind wherever they stand as a whole word."""

PHRASES: dict[tuple[str, ...], str] = {
    tuple(phrase.split()): kind
    for phrase, kind in {
        "bass drum": "kick",
        "drum bass": "kick",
        "grosse caisse": "kick",
        "grosse trommel": "kick",
        "gran cassa": "kick",
        "snare drum": "snare",
        "caisse claire": "snare",
        "kleine trommel": "snare",
        "rim shot": "rim",
        "side stick": "rim",
        "cross stick": "rim",
        "hand clap": "clap",
        "hand claps": "clap",
        "ride cymbal": "ride",
        "ride bell": "ride",
        "crash cymbal": "crash",
        "floor tom": "tom",
        "rack tom": "tom",
        "cow bell": "cowbell",
        "cow bells": "cowbell",
        "wood block": "perc",
        "finger snap": "perc",
        "hand drum": "perc",
        "jingle bell": "perc",
        "sleigh bells": "perc",
        "white noise": "fx",
        "drum loop": "loop",
        "break beat": "loop",
        "drum break": "loop",
        "amen break": "loop",
        "drum and bass": "",  # a style of music, not a sound
        "drum n bass": "",
        "drum & bass": "",
        "snap shot": "",
    }.items()
}
"""Words in a row that mean together what they don't mean alone."""

HAT_WORDS = _set(
    "hat hats hihat hihats hhat hhats hithat charleston charley charly chimbal chimbau contratempo"
)
OPEN_WORDS = _set("open opened opn offen offene ouvert ouverte abierto abierta aperto aperta aberto aberta")
CLOSED_WORDS = _set(
    "closed close clsd pedal foot tight geschlossen geschlossene ferme fermee cerrado cerrada chiuso chiusa "
    "fechado fechada"
)

ABBREVIATIONS: dict[str, str] = _table(
    kick="bd kd kk",
    snare="sd sn",
    rim="rs rm",
    clap="cp",
    closed_hat="ch chh hhc chat chats chihat chihats clhat clhh hhcl cht hc ph phh",
    open_hat="oh ohh hho ohat ohats ohihat ohihats ophat ophh hhop oht ho",
    ride="rd ri rc",
    crash="cy cr cc",
    tom="lt mt ht ft hitom lotom",
    conga="lc mc",
    cowbell="cb cow",
    shaker="ma sh",
    tambourine="tb tm",
    perc="cl",
)
"""Drum machines' two or three letters: they count where no word says a kind."""

NEUTRAL_WORDS = _set(
    "drum hit hits one shot low lo mid hi high floor rack deep hard soft heavy fat big small short long male "
    "female wooden acoustic electric electro electronic analog punchy dry wet dirty clean vintage lofi room "
    "trap house techno dub tech acid edit mix top roll fill line layer hand finger double"
)
"""Words that say nothing themselves and may be glued to one that does ("lowtom", "trapsnare")."""
