"""Sets actors into the picture so that they belong to it: light from the scene's side, rim, bounce, haze, shadows,
reflections, and grass, snow or water over their feet. This is what keeps a sprite from looking like a sticker.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lib.sandbox.painter import sprites
from lib.sandbox.painter.canvas import Canvas, ink
from lib.sandbox.painter.ground import Ground
from lib.sandbox.painter.layout import Placed
from lib.sandbox.painter.pixels import Array, add_into, clip, fbm, from_image, luma, mix, resize, rgb, smooth

RIM = {
    "night": 0.75,
    "space": 0.85,
    "sunset": 0.8,
    "dusk": 0.65,
    "dawn": 0.55,
    "stage": 0.8,
    "underwater": 0.3,
}
IMMERSED = {"boat": 0.1, "sea": 0.22, "bird": 0.16, "building": 0.06}


def set_actor(canvas: Canvas, item: Placed, ground: Ground) -> None:
    image = _prepared(canvas, item)
    x = round(item.x * canvas.width - image.width / 2)
    base = round(item.base * canvas.height)
    y = base - image.height
    water = ground.surface == "water" and not item.aloft
    if water:
        y += int(image.height * IMMERSED.get(item.actor.noun.kind, 0.3))
    standing = not item.aloft and ground.surface != "none"
    if standing:
        _reflect(canvas, image, x, base, ground)
        if not water:
            _cast_shadow(canvas, image, x, base)
    lit = _lit(canvas, sprites.array(image), item, ground)
    if water:
        _sink(lit, base - y, image.height)
    _blit(canvas.picture, lit, x, y)
    if standing:
        _cover_feet(canvas, ground, (x, base, image.width, image.height))


def _prepared(canvas: Canvas, item: Placed) -> Image.Image:
    image = item.actor.image
    height = max(6, round(item.height * canvas.height))
    image = sprites.enlarge(image, height)
    if abs(item.actor.tilt) > 0.4:
        # Premultiplied for the same reason as in `enlarge`.
        turned = image.convert("RGBa").rotate(item.actor.tilt, Image.Resampling.BICUBIC, expand=True)
        image = sprites.crop(turned.convert("RGBA"))
    if item.distance > 0.1:
        image = image.filter(ImageFilter.GaussianBlur(item.distance * canvas.height / 420))
    return image


def _lit(canvas: Canvas, pixels: Array, item: Placed, ground: Ground) -> Array:
    """Relights a cut-out: its outline, inflated, gives the normals; the scene gives key, ambient, rim and bounce."""
    light = canvas.light
    height, width = pixels.shape[:2]
    nx, ny = _normals(pixels[..., 3])
    facing = np.clip(nx * light.side * 0.75 - ny * 0.65, -1, 1)
    key = 0.5 + 0.5 * facing
    floor = 0.14 if light.dark else 0.0  # nobody can see a subject as dark as nights are
    tint = (
        light.ambient * (1.02 - 0.25 * light.strength)
        + light.key * (light.strength * 0.62 * key)[..., None]
        + floor
    )
    colour = pixels[..., :3]
    if light.time == "underwater":  # our eyes allow for the water: yellow stays yellow
        tint = mix(tint, luma(tint)[..., None], 0.5)
    if light.dark:  # eyes lose colour in the dark, and allow for its blue
        tint = mix(tint, luma(tint)[..., None], 0.3)
        grey = luma(colour)[..., None]
        colour = mix(grey, colour, 0.92)
    lit = colour * tint
    if light.dark and item.actor.noun.kind in {"building", "vehicle"}:
        panes = _panes(colour)[..., None]
        lit = mix(lit, rgb(255, 206, 120) * (0.75 + 0.4 * luma(colour)[..., None]), panes)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    bounce = np.clip(ny, 0, 1) * 0.26 + 0.05 * down
    lit += ground.tone * light.ambient * (bounce * 0.55)[..., None] * (0.35 + colour)
    if not item.aloft:
        lit *= (1 - 0.3 * smooth(down, 0.8, 1.02))[..., None]
    edge = _rim(pixels[..., 3], light.side)
    glow = mix(light.key, light.haze, 0.3) if light.time != "day" else light.key
    lit += (glow - lit) * (edge * RIM.get(light.time, 0.3))[..., None]
    lit *= (1 + 0.035 * _tooth(canvas, height, width))[..., None]
    haze = item.distance * 0.45 + (0.14 if light.time == "underwater" else 0.03)
    out = pixels.copy()
    out[..., :3] = clip(mix(lit, light.haze if light.time != "underwater" else rgb(*light.sky[1]), haze))
    return out


def _panes(colour: Array) -> Array:
    """Window glass is the only light blue there is on houses and cars: at night it is lit from inside."""
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    return smooth(blue - red, 0.3, 0.5) * smooth(np.minimum(green, blue), 0.4, 0.6)


def _normals(alpha: Array) -> tuple[Array, Array]:
    """Of a cushion of the outline's shape, made small because it is smooth."""
    height, width = alpha.shape
    rows, columns = max(8, min(height, 72)), max(8, min(width, round(72 * width / height)))
    small = resize(alpha, rows, columns)
    total = np.zeros_like(small)
    for radius, weight in ((2, 0.5), (5, 0.8), (11, 1.0)):
        total += weight * from_image(_l(small).filter(ImageFilter.GaussianBlur(radius)))
    cushion = np.sqrt(np.clip(total / 2.3 * small, 0, 1))
    gy, gx = np.gradient(cushion)
    return resize(np.clip(-gx * 14, -1, 1), height, width), resize(np.clip(-gy * 14, -1, 1), height, width)


def _l(values: Array) -> Image.Image:
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8), "L")


def _rim(alpha: Array, side: int) -> Array:
    """A thin line of light along the upper edge on the light's side."""
    step = max(1, alpha.shape[0] // 64)
    moved = np.zeros_like(alpha)
    down = alpha[:-step]
    if side > 0:
        moved[step:, :-step] = down[:, step:]
    else:
        moved[step:, step:] = down[:, :-step]
    edge = np.clip(alpha - moved, 0, 1)
    return from_image(_l(edge).filter(ImageFilter.GaussianBlur(step * 0.55))) * alpha


def _tooth(canvas: Canvas, height: int, width: int) -> Array:
    """The grain every painted surface has."""
    return fbm(canvas.rng, (height, width), 52, 3) * 2 - 1


def _cast_shadow(canvas: Canvas, image: Image.Image, x: int, base: int) -> None:
    """The outline laid on the ground away from the light, soft with distance, and a dark contact below."""
    light = canvas.light
    alpha = image.getchannel("A")
    long = {"sunset": 0.42, "dawn": 0.4, "dusk": 0.3, "night": 0.3, "stage": 0.16}.get(light.time, 0.24)
    strength = {"overcast": 0.25, "storm": 0.25, "dusk": 0.35, "night": 0.45}.get(light.time, 0.46)
    drop = max(4, int(image.height * long))
    lean = -light.side * image.height * long * 1.25
    pad = int(abs(lean)) + image.width // 6 + 8
    width, height = image.width + 2 * pad, drop + 12
    # output (u, v) -> input: v runs from the far end of the shadow (head) to the feet
    coefficients = (1, lean / drop, -pad - lean, 0, image.height / drop, 0)
    flat = alpha.transform((width, drop), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    shadow = Image.new("L", (width, height * 2))
    shadow.paste(flat, (0, 6))
    near = shadow.filter(ImageFilter.GaussianBlur(max(1.0, image.height / 110)))
    far = shadow.filter(ImageFilter.GaussianBlur(max(1.5, image.height / 34)))
    fade = np.linspace(0, 1, drop + 6, dtype=np.float32)
    fade = np.pad(fade, (0, height * 2 - len(fade)), constant_values=1.0)[:, None]
    mask = mix(from_image(far) * 0.75, from_image(near), fade) * (0.35 + 0.65 * fade) * strength
    _darken(canvas, mask, x - pad, base - drop - 6 - max(1, image.height // 60))
    _contact(canvas, alpha, x, base)


def _contact(canvas: Canvas, alpha: Image.Image, x: int, base: int) -> None:
    """Only what is near the ground darkens it there: each foot its own."""
    solid = from_image(alpha)
    feet = solid[int(solid.shape[0] * 0.9) :].max(0)
    thick = max(3, alpha.height // 26)
    pad = thick * 3
    strip = np.zeros((pad * 2, alpha.width + 2 * pad), np.float32)
    strip[pad - thick // 2 : pad + thick // 3 + 1, pad : pad + alpha.width] = feet[None]
    soft = from_image(_l(strip).filter(ImageFilter.GaussianBlur(thick * 0.8)))
    _darken(canvas, soft * 0.78, x - pad, base - pad - max(1, thick // 5))


def _darken(canvas: Canvas, mask: Array, x: int, y: int) -> None:
    rows, columns = mask.shape
    y0, x0 = max(0, -y), max(0, -x)
    y1, x1 = min(rows, canvas.height - y), min(columns, canvas.width - x)
    if y1 <= y0 or x1 <= x0:
        return
    part = canvas.picture[y + y0 : y + y1, x + x0 : x + x1]
    shade = canvas.light.ambient * rgb(70, 62, 92)
    part *= mix(np.ones(3, np.float32), shade, clip(mask[y0:y1, x0:x1])[..., None])


def _reflect(canvas: Canvas, image: Image.Image, x: int, base: int, ground: Ground) -> None:
    if ground.surface not in {"water", "gloss"}:
        return
    wet = ground.surface == "water"
    mirrored = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirrored = mirrored.resize((image.width, max(2, int(image.height * (0.7 if wet else 0.9)))))
    mirrored = mirrored.filter(ImageFilter.GaussianBlur(image.height / (60 if wet else 36)))
    pixels = sprites.array(mirrored)
    if wet:
        rows = np.arange(pixels.shape[0])
        sway = (
            np.sin(rows / max(2, image.height / 34)) * image.width * 0.018 * (0.3 + rows / len(rows))
        ).astype(int)
        columns = np.clip(np.arange(pixels.shape[1])[None] + sway[:, None], 0, pixels.shape[1] - 1)
        pixels = pixels[rows[:, None], columns]
    fade = np.exp(-np.arange(pixels.shape[0]) / (pixels.shape[0] * (0.6 if wet else 0.2)))
    pixels[..., 3] *= (fade * (0.55 if wet else 0.3)).astype(np.float32)[:, None]
    pixels[..., :3] *= canvas.light.ambient * 0.85
    _blit(canvas.picture, pixels, x, base - 1)


def _sink(pixels: Array, line: int, height: int) -> None:
    """Below the wavy waterline the cut-out fades into the water."""
    columns = np.arange(pixels.shape[1])
    wave = np.sin(columns / max(2.0, pixels.shape[1] / 22)) + 0.6 * np.sin(
        columns / max(2.0, pixels.shape[1] / 9.5) + 1
    )
    edge = line - height * 0.012 + wave * height * 0.007
    rows = np.arange(pixels.shape[0])[:, None]
    pixels[..., 3] *= 1 - smooth(rows - edge[None], -1.5, max(3.0, height * 0.02))


def _cover_feet(canvas: Canvas, ground: Ground, box: tuple[int, int, int, int]) -> None:
    x, base, width, height = box
    if ground.surface == "grass" and ground.blades:
        _tufts(canvas, ground, (x, base, width, height))
    elif ground.surface in {"snow", "sand"}:
        _drift(canvas, ground, (x, base, width, height))
    elif ground.surface == "water":
        _ripples(canvas, (x, base, width, height))


def _tufts(canvas: Canvas, ground: Ground, box: tuple[int, int, int, int]) -> None:
    x, base, width, height = box
    dark, lit = ground.blades or (ground.tone, ground.tone)
    rng = canvas.rng
    tall = canvas.height * 0.022 + height * 0.035
    layer = Image.new("RGBA", ((width + 40) * 2, int(tall * 3) * 2))
    pen = ImageDraw.Draw(layer)
    foot = int(tall * 2.2) * 2
    for _ in range(max(18, width // 3)):
        at = (20 + rng.random() * width) * 2
        size = tall * 2 * (0.35 + 0.75 * rng.random())
        y = foot + (rng.random() - 0.3) * tall * 0.7
        lean, half = size * 0.55 * (rng.random() - 0.5), size * 0.055 + 1
        tone = ink(mix(dark * 0.85, lit, rng.random()))
        pen.polygon([at - half, y, at + lean, y - size, at + half, y], fill=tone)
    small = layer.resize((layer.width // 2, layer.height // 2), Image.Resampling.BOX)
    _blit(canvas.picture, sprites.array(small), x - 20, base - foot // 2 + int(tall * 0.1))


def _drift(canvas: Canvas, ground: Ground, box: tuple[int, int, int, int]) -> None:
    """A low bank of snow or sand against the feet."""
    x, base, width, height = box
    bank = max(3, int(height * 0.035))
    left, right = max(0, x - width // 8), min(canvas.width, x + width + width // 8)
    top, bottom = max(0, base - bank), min(canvas.height, base + bank)
    if right <= left or bottom <= top:
        return
    columns = np.arange(left, right)
    rng = canvas.rng
    knots = rng.random(9)
    wave = np.interp(np.linspace(0, 8, len(columns)), np.arange(9), knots)
    inside = np.sin(np.pi * (columns - left) / (right - left)) ** 0.5
    edge = base + bank * 0.4 - bank * 0.75 * wave * inside
    rows = np.arange(top, bottom)[:, None]
    mask = smooth(rows - edge[None], 0, bank * 0.35) * (1 - smooth(rows - base, bank * 0.1, bank))
    source = canvas.picture[np.clip(np.arange(top, bottom) + bank, 0, canvas.height - 1), left:right]
    tone = mix(source, np.broadcast_to(ground.tone, source.shape), 0.35)
    add_into(canvas.picture[top:bottom, left:right], tone, clip(mask * inside[None]))


def _ripples(canvas: Canvas, box: tuple[int, int, int, int]) -> None:
    x, base, width, height = box
    foam = mix(canvas.light.haze, rgb(255, 255, 255), 0.4) * np.minimum(canvas.light.ground, 1)
    y = (np.arange(canvas.height) - base)[:, None] / max(2.0, height * 0.03)
    across = (np.arange(canvas.width) - x - width / 2)[None] / (width * 0.56)
    noise = canvas.noise(40, 2, (0.5, 2.5))
    rings = np.exp(-((y - 0.4 + noise * 1.4) ** 2) * 1.6) * np.exp(-(across**4)) * smooth(noise, 0.35, 0.6)
    canvas.fill(foam, clip(rings * 0.85))


def _blit(picture: Array, pixels: Array, x: int, y: int) -> None:
    """Straight-alpha 'over' at x, y, clipped to the picture."""
    rows, columns = pixels.shape[:2]
    y0, x0 = max(0, -y), max(0, -x)
    y1, x1 = min(rows, picture.shape[0] - y), min(columns, picture.shape[1] - x)
    if y1 <= y0 or x1 <= x0:
        return
    part = picture[y + y0 : y + y1, x + x0 : x + x1]
    source = pixels[y0:y1, x0:x1]
    part += (source[..., :3] - part) * source[..., 3:]
