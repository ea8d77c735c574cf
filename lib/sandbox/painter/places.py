"""From the name of a place to its painter."""

from lib.sandbox.painter import barren, indoors, land, sky, street, town, water, woods
from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.pixels import rgb
from lib.sandbox.painter.staging import Stage

_OPEN = {
    "meadow": land.meadow,
    "flowers": land.flowers,
    "hills": land.hills,
    "savanna": land.savanna,
    "forest": woods.forest,
    "autumn": woods.autumn,
    "jungle": woods.jungle,
    "bamboo": woods.bamboo,
    "mountains": land.mountains,
    "snowpeaks": barren.snowpeaks,
    "snow": barren.snow,
    "desert": barren.desert,
    "moon": barren.moon,
    "mars": barren.mars,
    "sea": water.sea,
    "lake": water.lake,
    "beach": water.beach,
    "underwater": water.underwater,
    "room": indoors.room,
    "library": indoors.library,
    "table": indoors.table,
    "stage": indoors.stage,
}
NAMES = frozenset({*_OPEN, "city", "street", "road", "studio", "sky", "space"})


def paint_place(canvas: Canvas, stage: Stage) -> Ground:
    if stage.place == "city":
        return town.city(canvas, neon=stage.neon, wet="rain" in stage.weather)
    if stage.place == "street":
        return street.street(canvas, neon=stage.neon, wet="rain" in stage.weather)
    if stage.place == "road":
        return town.road(canvas, stage.beyond)
    if stage.place == "studio":
        return indoors.studio(canvas, stage.backdrop_colour)
    if stage.place in _OPEN:
        return _OPEN[stage.place](canvas)
    if stage.place == "sky":
        sky.paint_sea_of_clouds(canvas)
    return Ground("none", 0.95, 0.88, rgb(*canvas.light.sky[-1]))
