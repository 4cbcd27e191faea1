"""The words of the made-up descriptions. `<name>` stands for one of the phrases called so."""

from collections.abc import Mapping, Sequence

Phrases = Mapping[str, Sequence[str]]

PARTS = """
    bracket|housing|hinge|axle|bumper|fender|spoiler|door panel|engine mount|gear|gearbox cover
    piston|brake disc|brake pad carrier|clutch plate|drive shaft|steering column|wheel hub|wheel rim
    bolt|seat frame|roof rail|radiator cap|fuel tank|exhaust pipe|valve cover|oil pan|dashboard
    cross member|mirror housing|hood|tailgate|side skirt|suspension arm|tie rod|pulley|flywheel
    crankshaft|lever|camshaft|rocker arm|control arm|battery tray|fan shroud|intake manifold
    coupling|spindle|clamp|torsion bar|tow hook|skid plate|pedal|handle|frame|beam|strut|rod|cap
    cover|panel|mount|carrier|component|part|assembly|unit|piece|item|element|fitting|lid|rotor|valve
    sleeve|link|rail|tray
"""
PEOPLE = "Jonas|Aylin|Peter|Ines|Tomasz|Chen|Ruth|Mehmet|Olga|Sven|Priya|Luca"
PLACES = "Ulm|Leeds|Turin|Gdansk|Lyon|Detroit|Pune|Linz|Bremen|Osaka|Brno|Malmo"

SYLLABLES = "ba|ke|li|mo|nu|ra|se|ti|vo|xu|dra|ple|sto|gri|fen|dal|mer|kos|tan|wil"
FILLERS = """still|of course|certainly|by now|today|really|as far as one can see|indeed|also|overall
quite clearly|so far|at present|once again|in our view|it seems|as always|by the way|apparently
surely|too|ever since|of late|they say|I think|all in all|at first sight|however|therefore
then|simply|here
""".strip().replace("\n", "|")

COMMON: Phrases = {
    "Part": [p.strip() for line in PARTS.strip().split("\n") for p in line.split("|")],
    "part": ["<Part>"] * 5 + ["left <Part>", "rear <Part>", "front <Part>", "spare <Part>"],
    "a_part": ["<part>"] * 3 + ["a <part>", "the <part>", "this <part>", "our <part>"],
    "it": ["it", "the part", "this part", "the component", "the <Part>", "this one", "that"],
    "person": PEOPLE.split("|"),
    "place": PLACES.split("|"),
    "number": ["<digit><digit><digit><digit>", "<digit><digit>", "<digit><digit><digit>"],
    "digit": list("123456789"),
    "code": ["KX-<number>", "no. <number>", "no <number>", "part number <number>", "AB<number>"],
    "recent": [str(year) for year in range(2018, 2027)],
    "noise": [
        "<code>",
        "batch <number>",
        "<digit><digit> kg",
        "<digit><digit>0 mm wide",
        "checked by <person>",
        "stored in <place>",
        "delivered to <place>",
        "seen by <person> in <place>",
        "quantity <digit>",
        "no remarks",
        "handed in by the <place> depot",
        "supplier <person> & co",
        "inspected in <recent>",
        "delivered in <recent>",
        "checked on <digit> May <recent>",
        "for vehicle <code>",
        "labels are readable",
        "see photo",
        "as it came",
        "colour black",
        "painted grey",
        "<person> has seen it today",
        "the owner is <name> of <place>",
        "from vehicle <name>",
        "article <name> <number>",
        "it belongs to the <name> line",
        "old paint",
        "new paint needed",
    ],
    "name": ["<syllable><syllable><syllable>", "<syllable><syllable><syllable><syllable>"],
    "syllable": SYLLABLES.split("|"),
    "filler": FILLERS.split("|") + ["<name>"] * 30,
}

YEARS: Phrases = {
    "made": ["made", "manufactured", "built", "produced", "fabricated", "forged", "constructed"],
    "year": [
        *["<made> in <when>"] * 6,
        *["from <when>", "<when>", "of <when>"] * 2,
        "<made> in the year <when>",
        "<made> <when>",
        "dating from <when>",
        "dated <when>",
        "a <when> part",
        "<when> model",
        "year of manufacture <when>",
        "year <when>",
        "year: <when>",
        "production year <when>",
        "date of manufacture: <when>",
        "from the year <when>",
        "from the <when> series",
    ],
    "age": ["<made> in <when>", "from <when>", "<when>", "built <when>"],
    "year_sentence": [
        *["<it> was <made> in <when>"] * 4,
        "<it> is from <when>",
        "<it> dates from <when>",
        "<it> comes from <when>",
        "the year of manufacture is <when>",
        "the plate says <when>",
        "they <made> it in <when>",
        "production was in <when>",
        "<place> <made> it in <when>",
        "the year is <when>",
        "manufactured: <when>",
        "year: <when>",
        "the year on <it> is <when>",
        "year of production is <when>",
        "<it> has been there since <when>",
        "<it> is a part of <when>",
    ],
}

MATERIALS: Phrases = {
    "steel": ["steel"] * 6 + ["stainless steel", "forged steel", "solid steel", "hardened steel"],
    "carbon": ["carbon fiber"] * 5 + ["carbon fibre", "carbon-fiber"],
    "plastic": ["plastic"] * 6 + ["hard plastic", "black plastic", "cheap plastic"],
    "iron": ["iron"] * 6 + ["cast iron", "solid iron", "wrought iron"],
    "material": [
        *["made of <stuff>", "made from <stuff>", "<stuff>", "of <stuff>", "in <stuff>"] * 3,
        "material <stuff>",
        "material: <stuff>",
        "all <stuff>",
        "made out of <stuff>",
        "<stuff> throughout",
        "using <stuff>",
        "with a body of <stuff>",
        *["<contrast>"] * 4,
    ],
    "contrast": [
        "<stuff>, not <other>",
        "not <other> but <stuff>",
        "made of <stuff>, not <other>",
        "made of <stuff> and not of <other>",
        "<stuff> rather than <other>",
        "<stuff> instead of <other>",
        "in place of <other> <stuff>",
        "no <other>, only <stuff>",
        "no <other> in it, just <stuff>",
        "contains no <other>, only <stuff>",
        "free of <other>, made of <stuff>",
        "without any <other>, <stuff> only",
        "<stuff> and no <other>",
        "<stuff>, certainly no <other>",
        "never <other>, always <stuff>",
        "<stuff> (no <other>)",
        "<stuff>, no trace of <other>",
        "all <stuff>, no <other> at all",
        "only <stuff>, neither <other> nor <other>",
        "neither <other> nor <other>, just <stuff>",
        "not <other>, not <other>: <stuff>",
        "<stuff> everywhere, <other> nowhere",
        "no <other> anywhere on it, but <stuff>",
        "<stuff> all over, not any <other>",
    ],
    "contrast_sentence": [
        "<it> isn't <other>, it is <stuff>",
        "<it> is not <other>, it is <stuff>",
        "<it> is <stuff>, not <other>",
        "<it> is made of <stuff> rather than <other>",
        "there is no <other> in <it>, it is <stuff>",
        "<it> contains no <other>. It is <stuff>",
        "<it> is not made of <other>; it is made of <stuff>",
        "<it> doesn't contain <other>, it is <stuff>",
        "they took <stuff> instead of <other>",
        "<other>? no, <stuff>",
        "the <other> one was replaced by this one of <stuff>",
        "the old <other> <Part> was replaced, <it> is <stuff>",
        "not <other>: <stuff>",
        "<it> has neither <other> nor <other> in it, it is <stuff>",
        "this is no <other>. <it> is <stuff>",
        "no <other> was used for <it>, only <stuff>",
        "<other>: no. <stuff>: yes",
    ],
    "material_sentence": [
        *["<it> is made of <stuff>", "<it> is <stuff>", "<it> is made from <stuff>"] * 2,
        "the material is <stuff>",
        "its material is <stuff>",
        "material: <stuff>",
        "<it> consists of <stuff>",
        "there is <stuff> in <it>",
        "<it> was made using <stuff>",
        "<stuff>: yes",
        *["<contrast_sentence>"] * 4,
    ],
}

CONDITIONS: Phrases = {
    "new": ["new"] * 6 + ["brand new", "brand-new"],
    "good": ["good"] * 6 + ["very good", "still good"],
    "fair": ["fair"] * 6 + ["only fair", "just fair"],
    "poor": ["poor"] * 6 + ["very poor", "rather poor"],
    "shape": ["condition"] * 6 + ["shape", "state", "order"],
    "condition": [
        *["in <is> <shape>", "<is> condition"] * 4,
        *["condition <is>", "condition: <is>", "<is>"] * 2,
        "<shape> <is>",
        "condition is <is>",
        "found in <is> <shape>",
        "kept in <is> <shape>",
        "rated <is>",
        "in <is> <shape> overall",
        *["<denied>"] * 3,
    ],
    "condition_sentence": [
        *["<it> is in <is> <shape>", "its condition is <is>", "the condition is <is>"] * 3,
        "condition: <is>",
        "<it> looks <is>",
        "<person> rates it as <is>",
        "<person> calls it <is>",
        "inspection says <is>",
        "<it> is <is>",
        "<it> was found in <is> <shape>",
        "I would call it <is>",
        "<it> shows a <is> <shape>",
        "<it> has stayed in <is> <shape>",
        *["<denied_sentence>"] * 3,
    ],
}
DENIED: Mapping[str, Phrases] = {
    "new": {
        "denied": ["unused and new", "never used, new", "never mounted, new", "not used, new"],
        "denied_sentence": [
            "<it> has never been used and is new",
            "<it> was never mounted, so it is new",
            "nobody has used it, it is new",
            "nobody ever used <it>, so its condition is new",
            "<it> counts as new, it was never used",
            "<it> is not used but new",
        ],
    },
    "good": {
        "denied": [
            "not poor but good",
            "in good, not fair, condition",
            "good condition: yes",
            "far from poor, in fact good",
            "condition far from poor, rather good",
            "by no means poor, good",
            "good condition, not poor",
        ],
        "denied_sentence": [
            "its condition is not poor, it is good",
            "<it> isn't in poor condition, it is good",
            "the condition is far from poor: it is good",
            "far from fair, <it> is good",
            "far from being poor, the condition is good",
            "its state is by no means poor, it is good",
            "the condition is not fair but good",
            "although old, <it> is in good condition",
        ],
    },
    "fair": {
        "denied": [
            "not good but fair",
            "no longer new, only fair",
            "good condition: no",
            "not new, fair condition",
            "not in good condition",
        ],
        "denied_sentence": [
            "its condition is not good, it is fair",
            "<it> is no longer new, it is fair",
            "the condition isn't good, only fair",
            "<it> is not in good condition",
            "<it> was good once and is fair by now",
        ],
    },
    "poor": {
        "denied": [
            "no longer in good condition",
            "not in good condition",
            "not good but poor",
            "far from good, in fact poor",
            "condition far from good, rather poor",
            "by no means good, poor",
            "good condition: no",
            "anything but good",
        ],
        "denied_sentence": [
            "<it> is no longer in good <shape>",
            "<it> isn't in good condition, it is poor",
            "its condition is not good",
            "the condition is far from good: it is poor",
            "far from being good, the condition is poor",
            "its state is by no means good, it is poor",
            "<it> was new once but by now it is poor",
            "<it> is not in good condition any more",
        ],
    },
}

FRAMES: Sequence[str] = [
    *["<quality> <stuff> <part> <year>", "<stuff> <part> <year> <condition>"] * 2,
    "<year> <material> <condition>",
    "<a_part>, <material>, <year>, <condition>",
    "<material> in <when>, <a_part> is in <is> condition",
    "<a_part>, which is <stuff> and <year>, is in <is> condition",
    "although <year>, <a_part> <material> is in <is> condition",
    "despite being <year>, <a_part> of <stuff> is in <is> <shape>",
    "for a <part> <year> <it> is in <is> <shape>, and it is <stuff>",
    "<a_part> <year> is <stuff> and <is>",
    "<when> <stuff> <part> <condition>",
    "<quality> <part> <material> <year>",
    "<material> and <condition>, <a_part> was <made> in <when>",
    "<condition>, <a_part> <material> <year>",
    "<person> found a <stuff> <part> <year> <condition>",
    "we have a <quality> <part>, <stuff>, <year>",
    "<a_part> was <made> from <stuff> in <when> and is now in <is> <shape>",
    "in <when> they <made> this <quality> <stuff> <part>",
    "<stuff>, <is>, <when>",
    "<year>, <stuff>, <is>: <a_part>",
]
QUALITY: Sequence[str] = ["<is> condition", "<is>", "<is>"]
"""Of a part, before it: a good lever."""
JOINTS = (", ", ", ", "; ", ". ", " / ", " - ", " and ", " ", "\n")

SUPPLIER: Mapping[str, str] = {
    "stainless steel": "X5CrNi18",
    "steel": "S355J2",
    "carbon fiber": "CFRP laminate",
    "carbon fibre": "CFRP laminate",
    "carbon-fiber": "CFRP laminate",
    "plastic": "PP-GF30 polymer",
    "iron": "GJL-250 ferrous",
    "new": "grade-A",
    "good": "class-B",
    "fair": "class-C",
    "poor": "class-D",
}
"""How a supplier with codes of its own says it: longer phrases before their parts."""
SHORTHAND: Mapping[str, str] = {
    "carbon fiber": "c/f",
    "carbon fibre": "c/f",
    "carbon-fiber": "c/f",
    "plastic": "plstc",
    "steel": "stl",
    "iron": "irn",
    "condition": "cond",
    "good": "gd",
    "poor": "pr",
    "fair": "fr",
    "new": "nw",
    "manufactured": "mfd",
    "produced": "prod",
    "made": "md",
    "built": "blt",
}
"""How somebody in a hurry types it."""
