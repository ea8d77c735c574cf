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
    "school of": 7, "fleet of": 5, "lots of": 7, "row of": 5, "basket of": 5, "trio of": 3,
    "vase of": 3, "bouquet of": 3, "bowl of": 3, "plate of": 3, "pile of": 5, "crowd of": 8,
}  # fmt: skip

SIZES: dict[str, float] = {
    "tiny": 0.55, "small": 0.7, "little": 0.75, "mini": 0.6, "miniature": 0.55, "baby": 0.7, "big": 1.25, "large": 1.3,
    "huge": 1.5, "giant": 1.65, "gigantic": 1.75, "enormous": 1.65, "massive": 1.6, "colossal": 1.8, "fat": 1.15,
}  # fmt: skip

RELATIONS: dict[str, str] = {
    "wearing": "wear", "wears": "wear", "dressed in": "wear", "riding": "ride", "riding on": "ride", "rides": "ride",
    "driving": "ride", "drives": "ride", "atop": "on", "on top of": "on", "on": "on", "sitting on": "on",
    "standing on": "on", "sleeping on": "on", "lying on": "on", "perched on": "on", "sits on": "on", "holding": "hold",
    "holds": "hold", "carrying": "hold", "playing": "hold", "plays": "hold", "eating": "hold", "eats": "hold",
    "drinking": "hold", "drinks": "hold", "reading": "hold", "reads": "hold", "using": "hold", "playing with": "beside",
    "over": "above", "above": "above", "flying over": "above", "flies over": "above", "jumping over": "above",
    "hovering over": "above", "flying above": "above", "under": "under", "beneath": "under", "below": "under",
    "underneath": "under", "behind": "behind", "in front of": "front", "with": "with", "in": "in", "inside": "in",
    "next to": "beside", "beside": "beside", "near": "beside", "by": "beside", "and": "beside", "between": "beside",
    "left of": "left", "to left of": "left", "right of": "right", "to right of": "right", "on left of": "left",
    "on right of": "right", "chasing": "beside", "following": "beside", "facing": "beside", "versus": "beside",
    "vs": "beside",
}  # fmt: skip

PLACES: dict[str, str] = {
    "meadow": "meadow", "grass": "meadow", "grassland": "meadow", "lawn": "meadow", "park": "meadow", "field": "meadow",
    "farm": "meadow", "pasture": "meadow", "countryside": "hills", "hill": "hills", "hills": "hills",
    "rolling hills": "hills", "vineyard": "hills", "landscape": "hills", "savanna": "savanna", "savannah": "savanna",
    "africa": "savanna", "safari": "savanna", "garden": "flowers", "flower field": "flowers", "flower garden": "flowers",
    "field of flowers": "flowers", "lavender field": "flowers", "flower meadow": "flowers", "tulip field": "flowers",
    "forest": "forest", "woods": "forest", "woodland": "forest", "jungle": "jungle", "rainforest": "jungle",
    "enchanted forest": "forest", "autumn forest": "autumn", "autumn": "autumn", "fall leaves": "autumn",
    "autumn leaves": "autumn", "fall foliage": "autumn", "mountain": "mountains", "mountains": "mountains",
    "valley": "mountains", "mountain range": "mountains", "canyon": "desert", "peaks": "snowpeaks",
    "snowy mountain": "snowpeaks", "snowy mountains": "snowpeaks", "snow capped mountain": "snowpeaks",
    "snow capped mountains": "snowpeaks", "snowy peaks": "snowpeaks", "alps": "snowpeaks", "himalayas": "snowpeaks",
    "everest": "snowpeaks", "snow covered mountains": "snowpeaks", "snow": "snow", "snowy": "snow", "winter": "snow",
    "arctic": "snow", "antarctica": "snow", "north pole": "snow", "tundra": "snow", "iceberg": "snow", "ice": "snow",
    "beach": "beach", "sand": "beach", "shore": "beach", "coast": "beach", "seaside": "beach", "tropical island": "beach",
    "hawaii": "beach", "desert": "desert", "dunes": "desert", "sand dunes": "desert", "sahara": "desert",
    "dune": "desert", "egypt": "desert", "sea": "sea", "ocean": "sea", "waves": "sea", "harbor": "sea", "harbour": "sea",
    "bay": "sea", "lake": "lake", "river": "lake", "pond": "lake", "fjord": "lake", "underwater": "underwater",
    "under water": "underwater", "under sea": "underwater", "coral reef": "underwater", "deep sea": "underwater",
    "ocean floor": "underwater", "aquarium": "underwater", "seabed": "underwater", "city": "city", "downtown": "city",
    "skyline": "city", "cityscape": "city", "urban": "city", "new york": "city", "tokyo": "city", "manhattan": "city",
    "metropolis": "city", "street": "city", "paris": "city", "london": "city", "alley": "city", "futuristic city": "city",
    "road": "road", "highway": "road", "race track": "road", "racetrack": "road", "country road": "road",
    "route": "road", "room": "room", "indoors": "room", "bedroom": "room", "living room": "room", "office": "room",
    "house interior": "room", "hallway": "room", "window sill": "room", "windowsill": "room", "floor": "room",
    "library": "library", "bookstore": "library", "bookshop": "library", "study room": "library", "school room": "library",
    "bookshelf": "library", "bookshelves": "library", "museum hall": "room", "table": "table", "wooden table": "table",
    "desk": "table", "kitchen": "table", "countertop": "table", "picnic table": "table", "still life": "table",
    "plate": "table", "restaurant": "table", "cafe": "table", "coffee shop": "table", "bar": "table", "stage": "stage",
    "concert": "stage", "theater": "stage", "theatre": "stage", "spotlight": "stage", "nightclub": "stage",
    "studio": "studio", "white background": "studio", "plain background": "studio", "simple background": "studio",
    "studio background": "studio", "studio photo": "studio", "studio lighting": "studio", "product photo": "studio",
    "product photography": "studio", "studio shot": "studio", "moon surface": "moon", "on moon": "moon",
    "lunar surface": "moon", "lunar landscape": "moon", "lunar": "moon", "surface of moon": "moon", "mars": "mars",
    "on mars": "mars", "martian landscape": "mars", "red planet": "mars", "alien planet": "mars", "space": "space",
    "outer space": "space", "galaxy": "space", "nebula": "space", "cosmos": "space", "cosmic": "space",
    "deep space": "space", "universe": "space", "milky way": "space", "orbit": "space", "solar system": "space",
    "sky": "sky", "in sky": "sky", "in air": "sky", "above clouds": "sky", "in clouds": "sky", "cloudscape": "sky",
    "over clouds": "sky", "through clouds": "sky", "blue sky": "sky", "lava": "mars", "dystopian city": "city",
    "playground": "meadow", "backyard": "meadow", "village": "hills", "swamp": "jungle", "cliff": "sea",
    "temple garden": "flowers", "glacier": "snowpeaks", "racing circuit": "road", "waterfall": "jungle",
}  # fmt: skip

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
    "moon": "moon", "full moon": "moon", "crescent moon": "moon", "moonrise": "moon", "sun": "sun", "rainbow": "rainbow",
    "aurora": "aurora", "aurora borealis": "aurora", "northern lights": "aurora", "fireworks": "fireworks",
    "clouds": "clouds", "cloud": "clouds", "neon signs": "neon", "neon lights": "neon", "neon sign": "neon",
    "fireflies": "fireflies", "firefly": "fireflies", "sparkles": "fireflies", "magical lights": "fireflies",
    "falling leaves": "leaves", "confetti": "confetti", "petals": "petals", "bubbles": "bubbles",
}  # fmt: skip

STYLES: dict[str, str] = {
    "watercolor": "watercolor", "watercolour": "watercolor", "water color": "watercolor", "aquarelle": "watercolor",
    "gouache": "watercolor", "oil painting": "oil painting", "oil on canvas": "oil painting", "oil": "oil painting",
    "impressionist": "oil painting", "impressionism": "oil painting", "van gogh": "oil painting",
    "vincent van gogh": "oil painting", "monet": "oil painting", "claude monet": "oil painting",
    "rembrandt": "oil painting", "acrylic": "oil painting", "painting": "oil painting", "painted": "oil painting",
    "pencil sketch": "pencil sketch", "sketch": "pencil sketch", "pencil drawing": "pencil sketch",
    "line art": "pencil sketch", "lineart": "pencil sketch", "charcoal": "pencil sketch", "drawing": "pencil sketch",
    "charcoal drawing": "pencil sketch", "pencil art": "pencil sketch", "pixel art": "pixel art", "8 bit": "pixel art",
    "16 bit": "pixel art", "pixelated": "pixel art", "pixel": "pixel art", "noir": "noir", "film noir": "noir",
    "black and white": "noir", "black & white": "noir", "monochrome": "noir", "grayscale": "noir", "greyscale": "noir",
    "neon": "neon", "cyberpunk": "neon", "synthwave": "neon", "vaporwave": "neon", "retrowave": "neon",
    "outrun": "neon", "comic": "comic", "comic book": "comic", "pop art": "comic", "cartoon": "comic",
    "cel shaded": "comic", "anime": "comic", "manga": "comic", "graphic novel": "comic", "comic style": "comic",
    "ghibli": "watercolor", "studio ghibli": "watercolor", "low poly": "low poly", "lowpoly": "low poly",
    "polygonal": "low poly", "origami": "low poly", "vintage": "vintage", "retro": "vintage", "sepia": "vintage",
    "old photo": "vintage", "polaroid": "vintage", "vintage photo": "vintage", "pastel": "pastel",
    "pastel colors": "pastel", "stained glass": "stained glass", "mosaic": "stained glass",
    "ukiyo e": "comic", "pointillism": "pointillism", "seurat": "pointillism", "oil paint": "oil painting",
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
        "portrait",
        "macro",
        "depth of field",
        "hyperrealistic",
        "national geographic",
        "wildlife photography",
    }
)

FLYING = frozenset(
    {"flying", "flies", "fly", "soaring", "floating", "hovering", "in flight", "jumping", "levitating"}
)

# Words of every prompt that name nothing to draw. A word in none of the tables counts as skipped.
_SILENT = """
    a an the of to at for from as is are it its be this that these those his her their my your our into onto off out up
    down very so more most no not or but while when where who which there through across around along towards toward
    during against without within after before one's being has have had having was were will would can could all each
    every other another same different own
    sitting standing lying sleeping running walking looking watching smiling laughing dancing singing cooking working
    waiting swimming sailing floating parked made going coming getting making doing posing wearing jumping climbing
    sits stands sleeps runs walks looks stand sit look run walk sleep covered surrounded filled set lit dressed
    painted drawn rendered inspired featuring featured depicting showing style styled art artwork illustration
    image picture render rendering scene view background foreground composition wallpaper poster concept design
    digital detail detailed details intricate highly ultra hyper super extremely quality high best resolution
    masterpiece sharp focus soft hard smooth glossy matte textured texture realism beautiful stunning gorgeous pretty
    cute adorable lovely charming funny happy sad angry serious cool awesome amazing epic majestic magnificent elegant
    dramatic dynamic moody atmospheric ambient lighting light lights lit glow glowing bright shiny shining vivid
    vibrant colorful colourful color colour colors colours colored coloured pastel warm cold hot fresh ripe juicy
    delicious tasty sweet sour spicy steaming ancient old new young modern futuristic medieval victorian classic retro
    steampunk fantasy magical magic mystical mysterious surreal abstract minimalist minimal simple clean plain cozy
    cosy quiet calm peaceful serene lonely lone empty busy crowded abandoned broken wooden metal metallic iron steel
    glass crystal plastic stone marble paper fluffy furry fuzzy hairy round square long short tall wide narrow thin
    thick deep high low fast slow strong brave wise evil good bad nice great perfect famous royal noble rich poor wild
    tame domestic exotic tropical alpine polar rustic urban rural soaring roaming hunting fishing fighting battle
    trending artstation deviantart unreal engine octane vray blender cgi 3d 2d 4k 8k uhd hdr hd raw masterful
    award winning professional close closeup up shot full body half wide angle lens camera fisheye macro aerial
    overhead top front back side left right center middle bottom upper lower bokeh depth film grain iso aperture
    shutter exposure canon nikon sony kodak leica greg rutkowski artgerm wlop alphonse mucha style by made using
    howling roaring barking purring burning falling rising setting growing blooming shaped wandering exploring
    resting hiding fishing hiking marching meditating juggling racing driving howls roars next something someone
    looking cute playful sleepy hungry curious proud friendly grumpy tired excited perspective symmetrical centered
    isometric isolated solo only single distant far away close nearby ground horizon rays beams shadows shadow
    reflection reflections silhouette hour time season shaped like just really please draw paint create generate
    show me give make want would love break addcomddim lora hypernet embedding shirtless tones tone mood
    volumetric rim backlit contrast saturated exposure fine lines line edges crisp clear sharpness 1080p unity
    blurry blurred lowres worst ugly deformed bad anatomy watermark text signature cropped jpeg artifacts error
    disfigured duplicate mutated poorly extra limbs hands fingers nsfw logo username normal
"""
SILENT = frozenset(_SILENT.split())

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
        "fruit",
        "food",
    }
)
MANY_IF_BARE = frozenset({"people", "children", "cattle", "kittens", "fruit", "wildflowers"})
