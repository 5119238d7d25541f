"""The words that name kinds of sound in file and folder names, in eight languages, and what they mean.

Owns the vocabulary alone: lower case, without accents, whole words. It must not hold rules.
"""

__all__ = [
    "ABBREVIATIONS",
    "AT_LAST",
    "CLOSED_WORDS",
    "DOUBTFUL",
    "EFFECT_WORDS",
    "HAND_DRUMS",
    "HAT_WORDS",
    "NEUTRAL_WORDS",
    "OPEN_WORDS",
    "PHRASES",
    "PLAIN_WORDS",
    "SURE_WORDS",
    "WORDS",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _table(**words_of_kind: str) -> dict[str, str]:
    return {word: kind for kind, words in words_of_kind.items() for word in words.split()}


# English first, then German, French, Spanish, Italian, Portuguese, Dutch, Japanese in Latin letters.
WORDS: dict[str, str] = _table(
    loop=(
        "loop loops looped breakbeat breakbeats drumbreak drumbreaks drumloop drumloops riff riffs fill "
        "fills drumfill drumfills schleife schleifen boucle boucles bucle bucles"
    ),
    kick=(
        "kick kicks kik kiks kck kickdrum bassdrum bassdrums basstrommel fusstrommel grossecaisse bombo "
        "bombos bumbo cassa grancassa basdrum kikku"
    ),
    snare=(
        "snare snares snr snrs snaredrum snaredrums brush brushes besen spazzole wirbeltrommel caisseclaire "
        "balais redoblante tarola caja rullante caixa sunea flam flams"
    ),
    rim="rim rims rimshot rimshots stick sidestick sidesticks crossstick xstick rimclick aro",
    clap=(
        "clap claps handclap handclaps clp klatschen klatscher handeklatschen battimani handklap handgeklap "
        "kurappu palmas palmada palmadas"
    ),
    ride="ride rides ridebell ridecymbal ridecymbals ridebecken conducao raido",
    crash=(
        "crash crashes splash splashes china chinas chinese cymbal cymbals cymball cym cymb cymbs "
        "crashcymbal becken cymbale cymbales platillo platillos plato platos piatto piatti prato pratos "
        "crashbecken bekken bekkens kurasshu shinbaru"
    ),
    tom="tom toms tomtom tomtoms floortom racktom standtom hangetom timpano tamu",
    conga="conga congas konga kongas bongo bongos bongoes tumba tumbadora quinto atabaque",
    cowbell="cowbell cowbells kuhglocke cencerro campanaccio koebel",
    shaker=(
        "shaker shakers shkr shk maraca maracas cabasa cabassa caxixi ganza eggshaker shekere rassel "
        "chocalho sonajero schudei"
    ),
    tambourine=(
        "tambourine tambourines tamborine tambourin tamburin tamb tambs pandereta pandeiro pandeireta "
        "tamburello schellenkranz schellenring sonajas pandero tamboerijn riq"
    ),
    perc=(
        "perc percs percussion percussions percussive prc clave claves woodblock woodblocks templeblock "
        "block triangle triangles guiro vibraslap cuica agogo timbale timbales tabla tablas djembe cajon "
        "darbuka darabuka doumbek castanet castanets surdo repinique tamborim gong bell bells jinglebell "
        "belltree kalimba udu taiko timpani sticks metronome click clicks snap snaps fingersnap whistle "
        "quijada balafon tambor tamburo tambour daiko odaiko bodhran dhol handdrum slap schlagwerk "
        "perkussion holzblock triangel glocke percusion percussione percussioni percussao triangulo "
        "triangolo chasquido campana grelots nacchere timp timps pauke pauken trommel rahmentrommel tambora "
        "timbal perkussionen slagwerk tympani guira belletjes"
    ),
    bass="bass basses bassline basslines sub subs subbass reese doublebass 808s basse bajo bajos basso baixo",
    vocal=(
        "vocal vocals vox voice voices vocoder acapella acappella choir sing singing singer sung speech "
        "spoken shout shouts scream chant chants humming laugh laughter yell yells adlib adlibs beatbox "
        "stimme stimmen gesang chor voix choeur voz voces coro voce voci vozes vocais grito gritos cri cris "
        "schrei zang koor bokaru"
    ),
    synth=(
        "synth synths syn synthesizer pad pads lead leads pluck plucks arp arps arpeggio chord chords stab "
        "stabs keys saw square supersaw drone theremin synthe synthese sintetizador sintetizzatore akkord "
        "accord acorde accordo hoover rhodes wurli wurlitzer nappe nappes sinte sintes"
    ),
    fx=(
        "fx sfx effect effects riser risers uplifter downlifter impact impacts noise noises glitch glitches "
        "zap zaps laser lasers whoosh woosh swoosh swish sweep sweeps scratch scratches backspin rewind "
        "foley ambience ambiance atmos atmosphere texture textures explosion siren alarm applause robot "
        "buildup buildups reverse reversed transition effekt effekte gerausch gerausche rauschen bruit "
        "bruits bruitage effet effets efecto efectos ruido effetto effetti rumore efeito efeitos effecten"
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
        "kleine trom": "snare",
        "grote trom": "kick",
        "bass drm": "kick",
        "kick bass": "bass",
        "frame drum": "perc",
        "rim shot": "rim",
        "side stick": "rim",
        "side stk": "rim",
        "finger cymbal": "perc",
        "finger cymbals": "perc",
        "cross stick": "rim",
        "hand clap": "clap",
        "hand claps": "clap",
        "claquement de mains": "clap",
        "clap de mains": "clap",
        "battito di mani": "clap",
        "battere di mani": "clap",
        "ride cymbal": "ride",
        "ride bell": "ride",
        "crash cymbal": "crash",
        "floor tom": "tom",
        "rack tom": "tom",
        "cow bell": "cowbell",
        "cow bells": "cowbell",
        "cloche a vache": "cowbell",
        "wood block": "perc",
        "reco reco": "perc",
        "finger snap": "perc",
        "hand drum": "perc",
        "talking drum": "perc",
        "log drum": "bass",
        "jingle bell": "perc",
        "sleigh bells": "perc",
        "white noise": "fx",
        "sub drop": "fx",
        "bass drop": "fx",
        "build up": "fx",
        "glass break": "fx",
        "vinyl stop": "fx",
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
    "charles haihatto contratiempo "
    "hat hats hihat hihats hhat hhats hithat charleston charley charly chimbal chimbau contratempo"
)
OPEN_WORDS = _set(
    "open opened opn offen offene ouvert ouverte abierto abierta aperto aperta aberto aberta half semi "
    "semiabierto loose auf oopun opun"
)
CLOSED_WORDS = _set(
    "closed close clsd cls shut pedal foot tight geschlossen geschlossene ferme fermee cerrado cerrada "
    "chiuso chiusa fechado fechada zu gesloten dicht kuroozu kurozu"
)

ABBREVIATIONS: dict[str, str] = _table(
    kick="bd bds kd kk",
    snare="sd sds sn",
    rim="rs rm",
    clap="cp",
    closed_hat="ch chh hhc chat chats chihat chihats hatc chhat clhat clhh hhcl cht hc ph phh hhcd",
    open_hat="oh ohh hho ohat ohats ohihat ohihats hato ohhat ophat ophh hhop oht ho hhod",
    ride="rd ri rc rided",
    crash="cy cr cc cshd",
    tom="lt mt ht ft xt hitom lotom",
    conga="lc mc",
    cowbell="cb cow",
    shaker="ma sh",
    tambourine="tb tm",
    perc="cl pc timb",
)
"""Drum machines' two or three letters: they count where no word says a kind."""

NEUTRAL_WORDS = _set(
    "drum hit hits one shot low lo mid hi high floor rack deep hard soft heavy fat big small short long male "
    "female wooden acoustic electric electro electronic analog punchy dry wet dirty clean vintage lofi room "
    "trap house techno dub tech acid edit mix top roll line layer hand finger double dbl"
)
"""Words that say nothing themselves and may be glued to one that does ("lowtom", "trapsnare")."""

DOUBTFUL = _set("cc cl cr hc ho lc ma mc mt pc rc ri rm sh tb tm")
"""Abbreviations with several meanings: a folder's word for something else counts more than they do."""

SURE_WORDS = tuple(sorted(_set("snare kick clap crash hihat cowbell conga bongo shaker cymbal bass")))
"""Words known even with up to four letters before them or two behind ("dblkick", "kickme")."""

PLAIN_WORDS = _set(
    "perc percs percussion percussions prc percusion percussione percussioni percussao perkussion "
    "slagwerk schlagwerk cymbal cymbals cym becken cymbale cymbales platillo platillos piatto piatti prato "
    "pratos bekken"
)
"""Words that cover several kinds: a folder may tell which."""

HAND_DRUMS = _set(
    "tabla tablas cajon djembe udu taiko daiko odaiko darbuka darabuka doumbek surdo timbale timbales dhol "
    "bodhran tambora"
)
"""Drums with a bass tone of their own."""

EFFECT_WORDS = _set(
    "riser risers uplifter uplifters downlifter downlifters buildup buildups foley reverse reversed bruitage "
    "bruitages"
)
"""What these name is an effect, whatever it is made of: a reversed cymbal, a riser of voices."""

AT_LAST: dict[str, str] = _table(
    perc=(
        "marimba xylophone glockenspiel vibraphone chime chimes hit hits metal wood glass tick ticks pop "
        "pops bong thump clank clang clack"
    ),
    vocal="rap mouth ah ahh aah ooh oohs hey yeah uh talk",
    synth=(
        "piano pianos organ organs hammond harpsichord clavinet celesta epiano strings brass orchestra "
        "orchestral orch formant horn horns trumpet sax klavier orgel streicher orgue cordes cuerdas organo "
        "archi cordas orgao"
    ),
    loop="groove grooves beat beats break breaks amen tops drummer",
    bass="808 wobble growl donk",
    fx=(
        "buzz ping plip twang burp crow beep beeps blip blips boom cinematic ambient noisy thunder rain "
        "storm wind water waves ocean river fire forest car cars engine motor train plane helicopter "
        "traffic camera shutter squeak squeaks squeek creak creaking crackle crackling footstep footsteps "
        "steps bird birds dog cat horse cow crowd gun gunshot pistol rifle sword whip bubble bubbles drip "
        "drips splat toilet flush phone telephone typing clock paper tearing rip zipper chain coin coins "
        "bottle trash toaster screw chopping chewing dragging scrape scraping rattle rattling rubberband "
        "door doors knock slam shimmer ufo spaceship bomb donner regen tur tonnerre pluie vent porte trueno "
        "lluvia viento puerta tuono pioggia vento porta trovao chuva donder deur explosie"
    ),
)
"""Words that count where no other word of the file and no folder tells: a trap kit has a kick "Thunder"."""
