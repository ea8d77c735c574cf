"""Every word the reader knows that is not a drawable thing: places, times, weather, styles, colours, relations.

Tables only. Phrases are lower-case, without articles, hyphens and apostrophes; the longest match wins. Drawable things are
in `assets/nouns.txt`.
"""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (206, 40, 42),
    "orange": (236, 124, 34),
    "yellow": (246, 204, 50),
    "green": (66, 158, 72),
    "teal": (40, 164, 164),
    "blue": (44, 104, 214),
    "purple": (128, 66, 186),
    "pink": (242, 128, 174),
    "brown": (122, 78, 46),
    "black": (36, 36, 42),
    "white": (242, 242, 242),
    "gray": (136, 140, 146),
    "gold": (222, 170, 58),
}

COLOUR_WORDS: dict[str, str] = {name: name for name in COLOURS} | {
    "grey": "gray", "silver": "gray", "golden": "gold", "cyan": "teal", "turquoise": "teal", "aqua": "teal",
    "violet": "purple", "lavender colored": "purple", "lilac": "purple", "crimson": "red", "scarlet": "red",
    "ruby": "red", "magenta": "pink", "emerald": "green", "lime green": "green", "navy": "blue", "azure": "blue",
    "cobalt": "blue", "indigo": "blue", "beige": "brown", "tan": "brown", "ivory": "white", "amber": "orange",
    "dark blue": "blue", "light blue": "blue", "sky blue": "blue", "dark red": "red", "dark green": "green",
    "hot pink": "pink", "snow white": "white", "jet black": "black",
}  # fmt: skip

NUMBERS: dict[str, int] = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "couple of": 2, "pair of": 2, "several": 4, "many": 7, "dozen": 12, "some": 3,
    "few": 3, "group of": 5, "herd of": 6, "flock of": 7, "pack of": 5, "swarm of": 8, "bunch of": 5, "family of": 4,
    "school of": 7, "fleet of": 5, "lots of": 7, "row of": 5, "trio of": 3, "colony of": 6, "gang of": 4,
    "team of": 4, "plenty of": 6,
    "bouquet of": 3, "pile of": 5, "crowd of": 8, "army of": 8, "hundreds of": 10, "thousands of": 12, "stack of": 4,
}  # fmt: skip

SIZES: dict[str, float] = {
    "tiny": 0.55, "small": 0.7, "little": 0.75, "mini": 0.6, "miniature": 0.55, "baby": 0.7, "big": 1.25, "large": 1.3,
    "huge": 1.5, "giant": 1.65, "gigantic": 1.75, "enormous": 1.65, "massive": 1.6, "colossal": 1.8, "fat": 1.15,
}  # fmt: skip

RELATIONS: dict[str, str] = {
    "wearing": "wear",
    "wears": "wear",
    "dressed in": "wear",
    "riding": "ride",
    "riding on": "ride",
    "rides": "ride",
    "driving": "ride",
    "drives": "ride",
    "atop": "on",
    "on top of": "on",
    "on": "on",
    "sitting on": "on",
    "standing on": "on",
    "sleeping on": "on",
    "lying on": "on",
    "perched on": "on",
    "sits on": "on",
    "holding": "hold",
    "holds": "hold",
    "carrying": "hold",
    "playing": "hold",
    "plays": "hold",
    "eating": "hold",
    "eats": "hold",
    "drinking": "hold",
    "drinks": "hold",
    "reading": "hold",
    "reads": "hold",
    "using": "hold",
    "playing with": "beside",
    "over": "above",
    "above": "above",
    "flying over": "above",
    "flies over": "above",
    "jumping over": "above",
    "hovering over": "above",
    "flying above": "above",
    "under": "under",
    "beneath": "under",
    "below": "under",
    "underneath": "under",
    "behind": "behind",
    "in front of": "front",
    "with": "with",
    "in": "in",
    "inside": "in",
    "next to": "beside",
    "beside": "beside",
    "near": "beside",
    "by": "beside",
    "and": "beside",
    "between": "beside",
    "left of": "left",
    "to left of": "left",
    "right of": "right",
    "to right of": "right",
    "on left of": "left",
    "on right of": "right",
    "chasing": "beside",
    "following": "beside",
    "facing": "beside",
    "versus": "beside",
    "vs": "beside",
    "fighting": "beside",
    "fights": "beside",
    "battling": "beside",
    "leaning against": "beside",
    "crossing": "on",
    "crosses": "on",
    "driving over": "on",
    "at": "beside",
    "around": "beside",
    "among": "beside",
    "walking": "beside",
    "walking with": "beside",
    "feeding": "beside",
    "petting": "beside",
    "hugging": "beside",
    "kissing": "beside",
    "pulling": "beside",
    "pushing": "beside",
    "attacking": "beside",
    "looking at": "beside",
    "talking to": "beside",
    "painting": "beside",
    "leaping over": "above",
    "floating above": "above",
    "floating over": "above",
    "emerging from": "in",
    "coming out of": "in",
    "hiding in": "in",
    "sleeping in": "in",
    "sitting in": "in",
    "swinging": "hold",
    "waving": "hold",
    "juggling": "hold",
    "pouring": "hold",
    "smoking": "hold",
    "wrapped in": "wear",
    "standing in": "in",
    "resting on": "on",
    "balancing on": "on",
    "dancing on": "on",
    "climbing": "on",
    "sitting at": "beside",
    "in front": "front",
    "alongside": "beside",
    "against": "beside",
}

# What holds other things: `a bowl of fruit` and `roses in a vase` are one object, heaped or put in.
CONTAINERS: dict[str, str] = {
    f"{name} of": name for name in ("bowl", "vase", "basket", "bucket", "box", "treasure chest", "cauldron", "pot")
} | {"plate of": "dish", "dish of": "dish"}  # fmt: skip

TIMES: dict[str, str] = {
    "day": "day", "daylight": "day", "daytime": "day", "noon": "day", "sunny": "day", "sunshine": "day",
    "sunny day": "day", "bright day": "day", "summer": "day", "spring": "day", "clear sky": "day", "afternoon": "day",
    "sunset": "sunset", "golden hour": "sunset", "evening": "sunset", "sundown": "sunset", "dusk": "dusk",
    "twilight": "dusk", "blue hour": "dusk", "sunrise": "dawn", "dawn": "dawn", "morning": "dawn",
    "morning light": "dawn", "early morning": "dawn", "night": "night", "nighttime": "night", "midnight": "night",
    "night sky": "night", "starry night": "night", "starry sky": "night", "moonlight": "night", "moonlit": "night",
    "dark sky": "night", "at night": "night", "stars": "night", "starry": "night", "dark": "night",
}  # fmt: skip

WEATHER: dict[str, str] = {
    "rain": "rain", "rainy": "rain", "raining": "rain", "in rain": "rain", "rainy day": "rain", "drizzle": "rain",
    "downpour": "rain", "rainstorm": "rain", "storm": "storm", "stormy": "storm", "thunderstorm": "storm",
    "lightning": "storm", "thunder": "storm", "tempest": "storm", "tornado": "storm",
    "hurricane": "storm", "fog": "fog", "foggy": "fog", "mist": "fog", "misty": "fog", "haze": "fog", "hazy": "fog",
    "smoke": "fog", "snowing": "snow", "snowfall": "snow", "blizzard": "snow", "snowstorm": "snow",
    "falling snow": "snow", "snowflakes": "snow", "snowflake": "snow", "cloudy": "overcast", "overcast": "overcast",
    "gloomy": "overcast",
}  # fmt: skip

FEATURES: dict[str, str] = {
    "moon": "moon", "full moon": "moon", "crescent moon": "moon", "moonrise": "moon", "sun": "sun",
    "rainbow": "rainbow",
    "aurora": "aurora", "aurora borealis": "aurora", "northern lights": "aurora", "fireworks": "fireworks",
    "clouds": "clouds", "cloud": "clouds", "neon signs": "neon", "neon lights": "neon", "neon sign": "neon",
    "fireflies": "fireflies", "firefly": "fireflies", "sparkles": "fireflies", "magical lights": "fireflies",
    "falling leaves": "leaves", "confetti": "confetti", "petals": "petals", "bubbles": "bubbles",
}  # fmt: skip

STYLES: dict[str, str] = {
    "watercolor": "watercolor", "watercolour": "watercolor", "water color": "watercolor", "aquarelle": "watercolor",
    "gouache": "watercolor", "oil painting": "oil painting", "oil on canvas": "oil painting", "oil": "oil painting",
    "impressionist": "impasto", "impressionism": "impasto", "van gogh": "impasto",
    "vincent van gogh": "impasto", "monet": "impasto", "claude monet": "impasto",
    "rembrandt": "oil painting", "post impressionist": "impasto", "impasto": "impasto",
    "starry night style": "impasto", "oil portrait": "oil painting", "baroque": "oil painting",
    "renaissance": "oil painting", "matte painting": "oil painting", "acrylic": "oil painting",
    "painting": "oil painting", "painted": "oil painting",
    "pencil sketch": "pencil sketch", "sketch": "pencil sketch", "pencil drawing": "pencil sketch",
    "line art": "pencil sketch", "lineart": "pencil sketch", "charcoal": "pencil sketch", "drawing": "pencil sketch",
    "charcoal drawing": "pencil sketch", "pencil art": "pencil sketch", "pixel art": "pixel art", "8 bit": "pixel art",
    "16 bit": "pixel art", "pixelated": "pixel art", "pixel": "pixel art", "noir": "noir", "film noir": "noir",
    "black and white": "noir", "black & white": "noir", "monochrome": "noir", "grayscale": "noir", "greyscale": "noir",
    "neon": "neon", "cyberpunk": "neon", "synthwave": "neon", "vaporwave": "neon", "retrowave": "neon",
    "outrun": "neon", "comic": "comic", "comic book": "comic", "pop art": "comic", "cartoon": "comic",
    "cel shaded": "anime", "anime": "anime", "manga": "comic", "graphic novel": "comic", "comic style": "comic",
    "ghibli": "anime", "studio ghibli": "anime", "low poly": "low poly", "lowpoly": "low poly",
    "polygonal": "low poly", "origami": "low poly", "vintage": "vintage", "retro": "vintage", "sepia": "vintage",
    "old photo": "vintage", "polaroid": "vintage", "vintage photo": "vintage", "pastel": "pastel",
    "pastel colors": "pastel", "stained glass": "stained glass", "mosaic": "stained glass",
    "ukiyo e": "woodblock", "ukiyoe": "woodblock", "woodblock": "woodblock", "woodblock print": "woodblock",
    "woodcut": "woodblock", "linocut": "woodblock", "hokusai": "woodblock", "japanese print": "woodblock",
    "blueprint": "blueprint", "technical drawing": "blueprint", "schematic": "blueprint", "makoto shinkai": "anime",
    "anime style": "anime", "vector art": "anime", "flat design": "anime", "disney style": "anime", "pixar": "anime",
    "engraving": "pencil sketch", "etching": "pencil sketch", "graphite": "pencil sketch",
    "ink drawing": "pencil sketch", "pencil": "pencil sketch", "crayon drawing": "pastel", "pastel drawing": "pastel",
    "chalk": "pastel", "stipple": "pointillism", "tron": "neon", "blade runner": "neon", "pointillism": "pointillism",
    "seurat": "pointillism", "oil paint": "oil painting",
}  # fmt: skip

PHOTO = frozenset(
    {
        "photo",
        "photograph",
        "photography",
        "photorealistic",
        "realistic",
        "dslr",
        "bokeh",
        "cinematic",
        "film still",
        "35mm",
        "85mm",
        "macro",
        "depth of field",
        "hyperrealistic",
        "national geographic",
        "wildlife photography",
    }
)

PORTRAIT = frozenset(
    {
        "portrait",
        "portrait of",
        "closeup of",
        "close up of",
        "closeup",
        "close up",
        "headshot",
        "head shot",
        "bust of",
    }
)

NEGATIONS = frozenset({"no", "without"})

FLYING = frozenset(
    {"flying", "flies", "fly", "soaring", "floating", "hovering", "in flight", "jumping", "levitating"}
)

IRREGULAR: dict[str, str] = {
    "man": "men", "woman": "women", "child": "children", "mouse": "mice", "goose": "geese", "wolf": "wolves",
    "person": "persons", "knife": "knives", "leaf": "leaves", "loaf": "loaves", "elf": "elves", "ox": "oxen",
    "policeman": "policemen", "fireman": "firemen", "businessman": "businessmen", "snowman": "snowmen",
    "cactus": "cactuses", "octopus": "octopuses", "calf": "calves", "samurai": "samurais", "gentleman": "gentlemen",
}  # fmt: skip

# Already many in one word: never the plural of something else, and three of them when no number is given.
MANY = frozenset(
    {
        "people",
        "children",
        "cattle",
        "sheep",
        "deer",
        "fish",
        "wildflowers",
        "geese",
        "kittens",
        "koi",
        "friends",
        "spectators",
        "villagers",
        "peas",
        "fruit",
        "food",
    }
)
MANY_IF_BARE = {
    "people": 3, "children": 3, "cattle": 3, "kittens": 3, "fruit": 3, "wildflowers": 5, "family": 4, "crowd": 9,
    "friends": 3, "audience": 8, "spectators": 6, "villagers": 4,
}  # fmt: skip
