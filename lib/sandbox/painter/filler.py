"""Words that every prompt has and that name nothing to draw: they are not reported as skipped. A table only."""

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
    blurry blurred row rows lowres worst ugly deformed bad anatomy watermark text signature cropped jpeg artifacts
    error disfigured duplicate mutated poorly extra limbs hands fingers nsfw logo username normal
"""
SILENT = frozenset(_SILENT.split())
